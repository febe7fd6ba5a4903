import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrateDatabase } from '../src/database/data-source.js';
import type { DatabaseOptions } from '../src/database/database.options.js';
import { DatabaseClient } from '../src/database/database-client.js';
import { LeaderLock } from '../src/database/leader-lock.js';
import { Sessions } from '../src/database/sessions.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';
import { noPgBouncer, PgBouncer } from './support/pgbouncer.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

if (noPgBouncer) console.log(`Skipping PgBouncer: ${noPgBouncer}`);

const kept: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of kept.splice(0).toReversed()) await one.stop();
});

async function pooler(url: string, ...settings: string[]): Promise<PgBouncer> {
  const started = await PgBouncer.start(url, settings);
  kept.push(started);
  return started;
}

describe.skipIf(noPgBouncer)('through PgBouncer in session mode', () => {
  const SESSION = ['pool_mode = session', 'default_pool_size = 40'];

  async function start(own: Record<string, string> = {}, ...settings: string[]): Promise<TestService> {
    const service = await TestService.start(async ({ DATABASE_URL }) => ({
      ...own,
      DATABASE_URL: (await pooler(DATABASE_URL!, ...SESSION, ...settings)).url,
    }));
    kept.push(service);
    return service;
  }
  const updateOn = async (service: TestService) => {
    const client = await service.connectAdmin();
    const commandId = await service.insertCommand();
    const command = { status: 'stored' };
    return client.request('command/update', { deviceId: SAMPLE_DEVICE, commandId, command });
  };

  it('a database is migrated and served', async () => {
    const service = await start();
    expect(await updateOn(service)).toMatchObject({ status: 'success' });
    const [settings] = await service.sql(
      `SELECT current_setting('enable_seqscan') AS scan, current_setting('lock_timeout') AS timeout`,
    );
    expect(settings).toEqual({ scan: 'off', timeout: '10s' });
  });

  it('a start succeeds with no more sessions than it needs', async () => {
    const service = await start({ DATABASE_POOL_SIZE: '2' }, 'default_pool_size = 2');
    expect(await updateOn(service)).toMatchObject({ status: 'success' });
  });

  it('a session has no prepared statements of those who had it before, though the pooler resets nothing', async () => {
    const settings = ['pool_mode = session', 'default_pool_size = 1', 'server_reset_query ='];
    const { url } = await pooler(process.env.TEST_DATABASE_URL!, ...settings);
    const before = new Client(url);
    await before.connect();
    await before.query('PREPARE former AS SELECT 1');
    await before.end();
    const client = new DatabaseClient({ connectionString: url, sessions: new Sessions(0) });
    await client.connect();
    const { rows } = await client.query('SELECT name FROM pg_prepared_statements');
    await client.end();
    expect(rows).toEqual([]);
  });

  it('sessions that became read-only are not handed out again', async () => {
    const service = await start();
    const [{ pid }] = (await service.sql('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
    await service.sql('SET default_transaction_read_only = on');
    expect(await updateOn(service)).toMatchObject({ status: 'success' });
    const gone = () => service.sql('SELECT FROM pg_stat_activity WHERE pid = $1', [pid]);
    await expect.poll(gone).toEqual([]);
  });

  it('one replica leads and another waits, and each knows which of them there are', async () => {
    const service = await start();
    const url = (service.dataSource.options as { url: string }).url;
    const [one, two] = [1, 2].map(() => new LeaderLock(url, 'mqtt://broker', service.dataSource));
    kept.push({ stop: () => Promise.all([one!.resign(), two!.resign()]) });
    expect(await one!.win(() => undefined)).toBe(true);
    expect(await one!.hasRival()).toBe(false);
    const waits = new Promise<void>((resolve) => void two!.win(resolve));
    await waits;
    expect(await one!.hasRival()).toBe(true);
  });
});

describe.skipIf(noPgBouncer)('PgBouncer in transaction mode', () => {
  const REFUSED =
    /^DATABASE_URL leads to a pooler in transaction mode, .* use session mode, or PostgreSQL itself$/;
  let environment: TestEnvironment;
  beforeEach(async () => {
    environment = await createEnvironment();
    kept.push({ stop: () => environment.dispose() });
  });
  const start = (DATABASE_URL: string) => TestService.start({ DATABASE_URL });

  it.each([
    ['as it is', []],
    ['that hands out its sessions in turn', ['server_round_robin = 1']],
    ['with a single session', ['default_pool_size = 1']],
  ])('%s is refused by start and migration', async (_, settings) => {
    const { url } = await pooler(environment.env.DATABASE_URL!, 'pool_mode = transaction', ...settings);
    await expect(start(url)).rejects.toThrow(REFUSED);
    await expect(migrateDatabase({ url } as DatabaseOptions)).rejects.toThrow(REFUSED);
  });

  it('is refused while others use it, too', async () => {
    const { url } = await pooler(environment.env.DATABASE_URL!, 'pool_mode = transaction');
    const busy = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const client = new Client(url);
        await client.connect();
        return client;
      }),
    );
    const idle = new AbortController();
    const work = busy.map(async (client) => {
      while (!idle.signal.aborted) await client.query('SELECT pg_sleep(0.002)');
      await client.end();
    });
    kept.push({ stop: () => (idle.abort(), Promise.all(work)) });
    for (let n = 0; n < 5; n++) await expect(start(url)).rejects.toThrow(REFUSED);
  });
});
