import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from '../src/app.js';
import { migrateDatabase } from '../src/database/data-source.js';
import type { DatabaseOptions } from '../src/database/database.options.js';
import type { TestClient } from './support/client.js';
import { createEnvironment } from './support/environment.js';
import { RecordingLogger, SAMPLE_DEVICE, TestService } from './support/service.js';

let service: TestService;
let client: TestClient;
let url: string;
const stop = () => service.stop();

async function start(settings: Record<string, string> = {}): Promise<void> {
  service = await TestService.start(async ({ DATABASE_URL }) => {
    url = DATABASE_URL!;
    return settings;
  });
  client = await service.connectAdmin();
}
const update = (commandId: number, status: string, qos: 0 | 1 = 1) =>
  client.request('command/update', { deviceId: SAMPLE_DEVICE, commandId, command: { status } }, qos);
const get = (commandId: number, qos: 0 | 1 = 1) =>
  client.request('command/get', { deviceId: SAMPLE_DEVICE, commandId }, qos);
const SUCCESS = { status: 'success' };

describe('a statement that fails because of its session', () => {
  afterEach(stop);
  beforeEach(() => start({ DATABASE_POOL_SIZE: '1' }));
  const backend = async () => (await service.sql<{ pid: number }>('SELECT pg_backend_pid() AS pid'))[0]!.pid;

  it('runs on a fresh one where the session has forgotten a prepared statement', async () => {
    const id = await service.insertCommand();
    await update(id, 'first');
    const before = await backend();
    await service.sql('DEALLOCATE ALL');
    expect(await update(id, 'second', 0)).toMatchObject(SUCCESS);
    expect(await backend()).not.toBe(before);
  });

  it('runs on a fresh one where the session has another prepared statement under its name', async () => {
    const command = { command: 'led/on' };
    const { command: made } = await client.request('command/insert', { deviceId: SAMPLE_DEVICE, command });
    const [inserts] = await service.sql<{ name: string }>(
      "SELECT name FROM pg_prepared_statements WHERE name LIKE '%insert%'",
    );
    const name = inserts!.name.replace('insert', 'update');
    await service.sql(`PREPARE "${name}" AS SELECT 1`);
    const before = await backend();
    expect(await update(made.id, 'stored', 0)).toMatchObject(SUCCESS);
    expect(await backend()).not.toBe(before);
  });

  it('runs on a fresh one where the session is read-only', async () => {
    const id = await service.insertCommand();
    await service.sql('SET default_transaction_read_only = on');
    expect(await update(id, 'stored', 0)).toMatchObject(SUCCESS);
    await service.sql('SET default_transaction_read_only = on');
    const device = { deviceId: 'saved', device: { name: 'saved' } };
    expect(await client.request('device/save', device, 0)).toMatchObject(SUCCESS);
  });

  it('runs on a fresh one where a column has another type by now', async () => {
    const id = await service.insertCommand();
    await update(id, 'first');
    await service.sql('ALTER TABLE device_command ALTER COLUMN command TYPE varchar(512)');
    expect(await update(id, 'second', 0)).toMatchObject(SUCCESS);
    expect(await get(id, 0)).toMatchObject({ command: { status: 'second' } });
  });
});

describe('a statement that fails on fresh sessions as well', () => {
  afterEach(stop);
  it('is its own error: that request is answered 500, the others of its batch succeed', async () => {
    await start();
    const ids = await Promise.all(Array.from({ length: 20 }, () => service.insertCommand()));
    await service.sql(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'no such statement' USING ERRCODE = '26000'; END $$`);
    await service.sql(`
      CREATE TRIGGER refuse BEFORE UPDATE ON device_command FOR EACH ROW WHEN (NEW.status = 'refused')
        EXECUTE FUNCTION refuse()`);
    const replies = await Promise.all(ids.map((id, n) => update(id, n === 7 ? 'refused' : 'stored')));
    expect(replies.map(({ code }) => code)).toEqual(ids.map((_, n) => (n === 7 ? 500 : undefined)));
  });
});

describe('a database that takes no writes', () => {
  afterEach(stop);
  beforeEach(() => start());

  it('is away: QoS 1 waits and QoS 0 gets 503, whatever they ask for, and ready says 503 until it takes them', async () => {
    const id = await service.insertCommand();
    const beside = new Client(url);
    await beside.connect();
    const takesWrites = (on: boolean) =>
      beside.query(`DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = ${on ? 'off' : 'on'}', current_database());
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid();
      END $$`);
    const ready = async () => (await fetch(`${service.httpUrl}/health/ready`)).status;
    try {
      await takesWrites(false);
      await expect.poll(ready).toBe(503);
      const notification = { notification: 'held' };
      const held = [
        update(id, 'held'),
        get(id),
        client.request('device/save', { deviceId: 'held', device: { name: 'held' } }),
        client.request('notification/insert', { deviceId: SAMPLE_DEVICE, notification }),
        client.request('device/list'),
      ];
      for (const refused of [update(id, 'QoS 0', 0), get(id, 0), client.request('device/list', {}, 0)]) {
        expect(await refused).toMatchObject({ code: 503, error: 'Database is unavailable, try again' });
      }
      await takesWrites(true);
      for (const reply of await Promise.all(held)) expect(reply).toMatchObject(SUCCESS);
      await expect.poll(ready).toBe(200);
      expect((await service.command(id)).status).toBe('held');
    } finally {
      await beside.end();
    }
  });
});

it('a start waits for a database that takes no writes yet, and says so; a migration is refused', async () => {
  const { env, dispose } = await createEnvironment();
  const beside = new Client(env.DATABASE_URL);
  await beside.connect();
  const takesWrites = (on: boolean) =>
    beside.query(`DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = ${on ? 'off' : 'on'}', current_database());
    END $$`);
  try {
    await takesWrites(false);
    await expect(migrateDatabase({ url: env.DATABASE_URL } as DatabaseOptions)).rejects.toThrow(
      'DATABASE_URL leads to a database that takes no writes',
    );
    const logger = new RecordingLogger();
    const starting = createApp({ environment: env }, logger);
    const isWaiting = () =>
      logger.lines.some((line) => /^Waiting for PostgreSQL .*: it takes no writes/.test(line));
    await expect.poll(isWaiting, { timeout: 10_000 }).toBe(true);
    await takesWrites(true);
    const { app, server } = await starting;
    await server.whenReady;
    await app.close();
  } finally {
    await beside.end();
    await dispose();
  }
});
