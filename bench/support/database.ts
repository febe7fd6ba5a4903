import { totalmem } from 'node:os';
import { Client } from 'pg';
import { hashPassword } from '../../src/auth/passwords.js';
import { createScratchDatabase } from '../../src/database/scratch-database.js';
import { noCluster, PostgresCluster } from '../../test/support/postgres-cluster.js';
import { DEVICE, WATCHER } from '../generator/job.js';
import type { Cleanup } from './cleanup.js';

const { DATABASE_URL, TEST_DATABASE_URL } = process.env;
/** Only to create databases beside the one it names. */
const SERVER = DATABASE_URL ?? TEST_DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';

/** Commands and their devices: the first `perDevice` commands belong to the first device, and so on. */
export interface Size {
  rows: number;
  perDevice: number;
  /** if there are more than those with commands */
  devices?: number;
  /** of the first device */
  notifications?: number;
}

export interface Database extends Size {
  url: string;
}

export interface UpdateStatistics {
  updates: number;
  /** that changed no index */
  heapOnly: number;
}

const LOAD_COMMANDS = `
  INSERT INTO device_command (device, user_id, command, timestamp, last_updated, parameters, status)
  SELECT 1 + (i - 1) / $2::int, 1, 'lamp/switch', '2025-01-01Z'::timestamptz + i * interval '1 second', now(),
         jsonb_build_object('level', i, 'colour', 'green', 'text', repeat('x', 60)), 'new'
    FROM generate_series(1, $1::int) i`;

const LOAD_NOTIFICATIONS = `
  INSERT INTO device_notification (device, notification, timestamp, parameters)
  SELECT 1, 'lamp/switched', '2025-01-01Z'::timestamptz + i * interval '1 second',
         jsonb_build_object('level', i, 'colour', 'green', 'text', repeat('x', 60))
    FROM generate_series(1, $1::int) i`;

/** A scratch database with one administrator and these commands, whose ids count from 1. */
export async function createDatabase(cleanup: Cleanup, size: Size, server = SERVER): Promise<Database> {
  const creating = createScratchDatabase(server);
  cleanup.defer(async () => (await creating).drop());
  const { url } = await creating;
  const password = await hashPassword(WATCHER.password);
  await withClient(url, async (client) => {
    await client.query('INSERT INTO dh_user (login, password_hash, role) VALUES ($1, $2, 0)', [
      WATCHER.username,
      password,
    ]);
    await client.query(`INSERT INTO network (name) VALUES ('bench')`);
    await client.query(`INSERT INTO device_type (name) VALUES ('bench')`);
    await client.query(
      `INSERT INTO device (device_id, name, network_id, device_type_id)
       SELECT $2 || i, 'bench', 1, 1 FROM generate_series(1, $1::int) i`,
      [size.devices ?? Math.ceil(size.rows / size.perDevice), DEVICE],
    );
    await client.query(LOAD_COMMANDS, [size.rows, size.perDevice]);
    await client.query(LOAD_NOTIFICATIONS, [size.notifications ?? 0]);
    await client.query('VACUUM ANALYZE');
    // What loading has left to write is not to be written while something is measured.
    await client.query('CHECKPOINT');
  });
  return { url, ...size };
}

/** Work on a connection of its own. */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(url);
  // A query that fails says so itself; this is the connection of a database that is dropped after Ctrl-C.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Does the work while a transaction holds the device's row locked. */
export function whileLocked<T>({ url }: Database, deviceId: string, work: () => Promise<T>): Promise<T> {
  return withClient(url, async (client) => {
    await client.query('BEGIN');
    await client.query('SELECT FROM device WHERE device_id = $1 FOR UPDATE', [deviceId]);
    return work();
  });
}

/** What PostgreSQL has counted for `device_command`; sessions report with a delay of up to a second. */
export function updateStatistics({ url }: Database): Promise<UpdateStatistics> {
  return withClient(url, async (client) => {
    const { rows } = await client.query(
      `SELECT n_tup_upd AS updates, n_tup_hot_upd AS heap_only FROM pg_stat_user_tables
        WHERE relname = 'device_command'`,
    );
    return { updates: Number(rows[0].updates), heapOnly: Number(rows[0].heap_only) };
  });
}

/**
 * A server for large tables: a quarter of the memory is its `shared_buffers`, as PostgreSQL's manual recommends (19.4.1).
 * @returns its URL, or that of the usual server where none can be started
 */
export async function startServer(cleanup: Cleanup): Promise<string> {
  if (noCluster) return SERVER;
  const settings = [`shared_buffers = '${Math.round(totalmem() / 2 ** 22)}MB'`];
  const server = await PostgresCluster.start({ settings });
  cleanup.defer(() => server.stop());
  return server.url;
}

/** As docs/delivery.md recommends, for connections from now on: only a superuser may, and not every server knows `lz4`. */
export async function compressLog({ url }: Database): Promise<void> {
  const change = `DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET wal_compression = lz4', current_database());
  END $$`;
  await withClient(url, (client) => client.query(change)).catch(() => undefined);
}

/** Bytes of the write-ahead log so far, of the whole server. */
export function logPosition({ url }: Database): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query(`SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS bytes`);
    return Number(rows[0].bytes);
  });
}

/** e.g. `15.4` */
export async function serverVersion(): Promise<string> {
  return (await settingOf(SERVER, 'server_version')).split(' ')[0]!;
}

/** e.g. `128MB` */
export function settingOf(url: string, name: string): Promise<string> {
  return withClient(url, async (client) => {
    const { rows } = await client.query('SELECT current_setting($1) AS value', [name]);
    return String(rows[0].value);
  });
}
