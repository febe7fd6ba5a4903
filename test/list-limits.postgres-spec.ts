import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

/** Sorted by a column without an index they take more than `work_mem`, 4 MB, and the 1 MB. */
const ROWS = 100_000;

let service: TestService;

/** It counts for connections that are made afterwards. */
async function limitSpace({ DATABASE_URL: url }: Record<string, string>): Promise<Record<string, string>> {
  const database = await new DataSource({ type: 'postgres', url }).initialize();
  const [{ name }] = await database.query('SELECT current_database() AS name');
  await database.query(`ALTER DATABASE ${name} SET temp_file_limit = '1MB'`);
  await database.destroy();
  return {};
}

beforeAll(async () => {
  service = await TestService.start(limitSpace);
  // In FROM the numbers would be kept in a temporary file themselves.
  await service.sql(
    `INSERT INTO device_command (device, command, timestamp, last_updated, status)
     SELECT d.id, 'c', now(), now(), md5(n::text)
       FROM (SELECT id, generate_series(1, $2::int) AS n FROM device WHERE device_id = $1) d`,
    [SAMPLE_DEVICE, ROWS],
  );
});
afterAll(() => service?.stop());

describe('a list that needs more temporary space than PostgreSQL gives', () => {
  it.each([0, 1] as const)('is answered 503 at once at QoS %d, and is no outage', async (qos) => {
    const client = await service.connectAdmin();
    const list = { deviceId: SAMPLE_DEVICE, sortField: 'status', skip: ROWS / 2 };
    expect(await client.request('command/list', list, qos)).toMatchObject({
      status: 'error',
      code: 503,
      error: 'The list took too long: narrow it, or skip and take fewer',
    });
    expect(service.logger.lines.filter((line) => line.includes('is away'))).toEqual([]);
  });
});
