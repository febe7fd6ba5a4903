import { Client } from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { migrateDatabase } from '../src/database/data-source.js';
import type { DatabaseOptions } from '../src/database/database.options.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

let service: TestService | undefined;
afterEach(async () => {
  await service?.stop();
  service = undefined;
});

async function onDatabase(url: string, statements: string[]): Promise<void> {
  const client = new Client(url);
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}
const byDefault = (setting: string) =>
  `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET ${setting}', current_database()); END $$`;

/** Each of them makes statements fail, or misreads what comes in or goes out, unless a session sets it for itself. */
const HOSTILE = [
  `datestyle = ''German''`,
  `intervalstyle = ''sql_standard''`,
  `bytea_output = ''escape''`,
  'array_nulls = off',
  `default_transaction_isolation = ''serializable''`,
  `lock_timeout = ''1ms''`,
  'enable_indexscan = off',
  'enable_nestloop = off',
  `plan_cache_mode = ''force_custom_plan''`,
  'jit = on',
];

describe('a database with unusual defaults', () => {
  it('changes neither the times nor the fields of commands, and a command with a lifetime is told', async () => {
    service = await TestService.start(async (env) => {
      await onDatabase(env.DATABASE_URL!, HOSTILE.map(byDefault));
      return {};
    });
    const client = await service.connectAdmin();
    await client.subscribe('dh/command/#');
    const timestamp = '2018-02-08T23:26:30.120';
    const about = { deviceId: SAMPLE_DEVICE };
    const lasting = { command: 'lasting', timestamp: new Date().toISOString().slice(0, -1), lifetime: 60 };
    const [{ command: past }, { command: made }] = await Promise.all([
      client.request('command/insert', { ...about, command: { command: 'past', timestamp } }),
      client.request('command/insert', { ...about, command: lasting }),
    ]);
    expect(past).toMatchObject({ timestamp });
    expect(made).toMatchObject({ timestamp: lasting.timestamp });
    await client.next(({ json }) => json.command?.id === made.id && json.action === 'command/insert');
    const commandId = made.id as number;
    expect(
      await client.request('command/update', { ...about, commandId, command: { status: 'seen' } }),
    ).toMatchObject({ status: 'success' });
    const { command: got } = await client.request('command/get', { ...about, commandId });
    expect(got).toMatchObject({ ...lasting, status: 'seen', parameters: null, result: null });
    expect(Math.abs(Date.parse(`${got.lastUpdated}Z`) - Date.now())).toBeLessThan(60_000);
    const { notification } = await client.request('notification/insert', {
      ...about,
      notification: { notification: 'lit', timestamp },
    });
    expect(
      await client.request('notification/get', { ...about, notificationId: notification.id }),
    ).toMatchObject({ notification: { timestamp } });
  });

  it('does not make an update fail that waited for another of the same row', async () => {
    service = await TestService.start(async (env) => {
      await onDatabase(env.DATABASE_URL!, HOSTILE.map(byDefault));
      return {};
    });
    const client = await service.connectAdmin();
    const notification = { notification: 'late' };
    const runner = service.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query('UPDATE device SET name = $1 WHERE device_id = $2', ['held', SAMPLE_DEVICE]);
    await runner.query('SELECT FROM device WHERE device_id = $1 FOR UPDATE', [SAMPLE_DEVICE]);
    const waiting = [
      client.request('notification/insert', { deviceId: SAMPLE_DEVICE, notification }),
      client.request('device/save', { deviceId: SAMPLE_DEVICE, device: { name: 'saved' } }),
    ];
    const blocked = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await expect.poll(async () => (await service!.sql(blocked)).length).toBe(2);
    await runner.commitTransaction();
    await runner.release();
    expect(await Promise.all(waiting)).toMatchObject([{ status: 'success' }, { status: 'success' }]);
  });
});

it('no statement has the database work on it with several processes', async () => {
  const eager = ['parallel_setup_cost = 0', 'parallel_tuple_cost = 0', 'min_parallel_table_scan_size = 0'];
  service = await TestService.start(async (env) => {
    await onDatabase(env.DATABASE_URL!, eager.map(byDefault));
    return {};
  });
  const plan = await service.sql('EXPLAIN SELECT count(*) FROM device_command');
  expect(JSON.stringify(plan)).not.toContain('Gather');
});

describe('the schema of the tables', () => {
  const update = async () => {
    const client = await service!.connectAdmin();
    const commandId = await service!.insertCommand();
    const command = { status: 'stored' };
    return client.request('command/update', { deviceId: SAMPLE_DEVICE, commandId, command });
  };

  it('is the one that DATABASE_URL names', async () => {
    service = await TestService.start(async (env) => {
      await onDatabase(env.DATABASE_URL!, ['CREATE SCHEMA tenant']);
      const url = new URL(env.DATABASE_URL!);
      url.searchParams.set('options', '-c search_path=tenant');
      await migrateDatabase({ url: url.href } as DatabaseOptions);
      return { DATABASE_URL: url.href };
    });
    expect(await update()).toMatchObject({ status: 'success' });
    expect(await service.sql('SELECT status FROM tenant.device_command')).toEqual([{ status: 'stored' }]);
  });

  it('is the same for all sessions of a service, though the default of the database changes', async () => {
    let url = '';
    service = await TestService.start(async (env) => {
      url = env.DATABASE_URL!;
      return {};
    });
    await onDatabase(url, ['CREATE SCHEMA elsewhere', byDefault('search_path = elsewhere')]);
    // The sessions from now on are new ones.
    const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    await onDatabase(url, [end]);
    await expect.poll(() => service!.sql('SELECT 1 AS n').catch(() => [])).toEqual([{ n: 1 }]);
    expect(await update()).toMatchObject({ status: 'success' });
  });
});

it.each([
  ['lock_timeout=never', 'invalid value for parameter "lock_timeout": "never"'],
  ['lock_timout=1s', 'unrecognized configuration parameter "lock_timout"'],
])(
  'a start with the setting %s in DATABASE_URL is refused at once, with the reason',
  async (setting, reason) => {
    const started = TestService.start(async (env) => {
      const url = new URL(env.DATABASE_URL!);
      url.searchParams.set('options', `-c ${setting}`);
      return { DATABASE_URL: url.href };
    });
    await expect(started).rejects.toThrow(`DATABASE_URL leads to no database: ${reason}`);
  },
  10_000,
);
