import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

let service: TestService;

beforeAll(async () => {
  service = await TestService.start(async (env) => {
    const client = new Client(env.DATABASE_URL);
    await client.connect();
    await client.query(`DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET TimeZone = %L', current_database(), 'America/New_York');
    END $$`);
    await client.end();
    return {};
  });
});
afterAll(() => service?.stop());

it('gives times in UTC on a database of another time zone', async () => {
  const [zone] = await service.sql<{ TimeZone: string }>('SHOW TimeZone');
  expect(zone!.TimeZone).toBe('America/New_York');
  const client = await service.connectAdmin();
  const timestamp = '2018-02-08T23:26:30.120';
  const command = { command: 'led/on', timestamp };
  const { command: made } = await client.request('command/insert', { deviceId: SAMPLE_DEVICE, command });
  expect(made).toMatchObject({ timestamp });
  const about = { deviceId: SAMPLE_DEVICE, commandId: made.id };
  const { command: got } = await client.request('command/get', about);
  expect(got).toMatchObject({ timestamp, lastUpdated: made.lastUpdated });
  const notification = { notification: 'lit', timestamp };
  const sent = await client.request('notification/insert', { deviceId: SAMPLE_DEVICE, notification });
  const told = { deviceId: SAMPLE_DEVICE, notificationId: sent.notification.id };
  expect((await client.request('notification/get', told)).notification).toMatchObject({ timestamp });
  expect(Math.abs(Date.parse(`${made.lastUpdated}Z`) - Date.now())).toBeLessThan(60_000);
});
