import { afterAll, beforeAll, expect, it } from 'vitest';
import { Retention } from '../src/retention/retention.js';
import { TestService } from './support/service.js';

let service: TestService;

beforeAll(async () => {
  service = await TestService.start({ COMMAND_RETENTION_DAYS: '3' });
});
afterAll(() => service?.stop());

const insertOld = () =>
  service.sql(
    `INSERT INTO device_command (device, timestamp, last_updated)
     SELECT device.id, now() - interval '9 days', now() FROM device, generate_series(1, 3000)`,
  );
const size = async () => (await service.sql(`SELECT pg_table_size('device_command') AS bytes`))[0];

it('room of rows that are deleted is used again', async () => {
  await insertOld();
  const before = await size();
  expect(await service.app.get(Retention).run()).toBe(3_000);
  await insertOld();
  expect(await size()).toEqual(before);
});
