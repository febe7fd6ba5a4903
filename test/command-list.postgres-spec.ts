import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ListCommandsDto } from '../src/actions/command/dto/list-commands.dto.js';
import { listQuery } from '../src/actions/command/list/command-list.statement.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

const ROWS = 20_000;

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
  await service.sql(
    `INSERT INTO device_command (device, command, timestamp, last_updated, status)
     SELECT d.id, 'c', timestamptz '2020-01-01' + n * interval '1 s', now(), 's'
       FROM device d, generate_series(1, $2::int) n WHERE d.device_id = $1`,
    [SAMPLE_DEVICE, ROWS],
  );
  await service.sql('VACUUM ANALYZE device_command');
});
afterAll(() => service?.stop());

describe('a list that takes too long', () => {
  it('is ended after 5 s with 503, and what follows is served', async () => {
    const client = await service.connectAdmin();
    const holder = service.dataSource.createQueryRunner();
    await holder.startTransaction();
    const began = performance.now();
    try {
      await holder.query('LOCK TABLE device_command IN ACCESS EXCLUSIVE MODE');
      expect(await client.request('command/list', { deviceId: SAMPLE_DEVICE })).toMatchObject({
        status: 'error',
        code: 503,
        error: 'The list took too long: narrow it, or skip and take fewer',
      });
    } finally {
      await holder.rollbackTransaction();
      await holder.release();
    }
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(4_900);
    expect(took).toBeLessThan(8_000);
    expect(await client.request('command/list', { deviceId: SAMPLE_DEVICE })).toMatchObject({
      status: 'success',
    });
  });

  it('takes one connection of the pool, however many of them a device has', async () => {
    const client = await service.connectAdmin();
    const [holder, observer] = [1, 2].map(() => service.dataSource.createQueryRunner());
    await observer!.connect();
    await holder!.startTransaction();
    await holder!.query('LOCK TABLE device_command IN ACCESS EXCLUSIVE MODE');
    const lists = Array.from({ length: 12 }, () =>
      client.request('command/list', { deviceId: SAMPLE_DEVICE, take: 1 }),
    );
    const [waiting] = await observer!.query(
      `SELECT count(*)::int AS lists FROM pg_sleep(0.5), pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    await holder!.rollbackTransaction();
    await Promise.all([holder!.release(), observer!.release()]);
    expect(waiting).toEqual({ lists: 1 });
    for (const reply of await Promise.all(lists)) expect(reply).toMatchObject({ status: 'success' });
  });

  it('leaves no limit behind on its connection', async () => {
    const client = await service.connectAdmin();
    await Promise.all(
      Array.from({ length: 20 }, () => client.request('command/list', { deviceId: SAMPLE_DEVICE, take: 1 })),
    );
    const limits = await Promise.all(Array.from({ length: 8 }, () => service.sql('SHOW statement_timeout')));
    for (const [row] of limits) expect(row).toEqual({ statement_timeout: '0' });
  });
});

describe('the plan of a list by timestamp', () => {
  const explain = async (descending: boolean, start?: string, end?: string) => {
    const { statement, values } = listQuery(
      { userId: 1, networkIds: null, deviceTypeIds: null, limited: false, generation: 0 },
      {
        deviceId: SAMPLE_DEVICE,
        start: start && new Date(start),
        end: end && new Date(end),
        sortOrder: descending ? 'desc' : 'asc',
        take: 100,
        skip: 5_000,
      } as ListCommandsDto,
    );
    const runner = service.dataSource.createQueryRunner();
    const types = [
      'varchar',
      'bigint',
      'bigint[]',
      'bigint[]',
      'int',
      ...(start ? ['text', 'text'] : []),
      'bigint',
      'bigint',
    ];
    try {
      const session = (await runner.connect()) as {
        query(text: string): Promise<{ rows: { 'QUERY PLAN': string }[] }>;
      };
      await session.query(`PREPARE list (${types}) AS ${statement.text}`);
      const quoted = values.map((value) => (value === null ? 'NULL' : `'${value as string}'`));
      for (let i = 0; i < 6; i++) await session.query(`EXECUTE list (${quoted})`);
      const { rows } = await session.query(`EXPLAIN (ANALYZE, TIMING OFF) EXECUTE list (${quoted})`);
      await session.query('DEALLOCATE list');
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    } finally {
      await runner.release();
    }
  };

  it.each([
    ['ascending', false],
    ['descending', true],
    ['from start to end', false, '2020-01-01T01:00:00Z', '2020-01-01T05:00:00Z'],
    ['from end to start', true, '2020-01-01T01:00:00Z', '2020-01-01T05:00:00Z'],
  ] as const)('is made once, and skips in the index alone, %s', async (_, descending, start?, end?) => {
    const plan = await explain(descending, start, end);
    const direction = descending ? ' Backward' : '';
    expect(plan).toMatch(
      new RegExp(`Index Only Scan${direction} using device_command_by_time .* rows=5100 loops=1`),
    );
    expect(plan).toContain('Heap Fetches: 0');
    expect(plan).not.toContain('Seq Scan on device_command');
    // A plan for the values has no parameters.
    expect(plan).toMatch(/device_id\)?(::text)? = \(?\$1/);
    if (start) expect(plan).toMatch(/Index Cond: \(\(device = .*"timestamp" >= .*"timestamp" <= /);
  });
});
