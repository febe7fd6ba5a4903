import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

/** The last second that a signed integer of four bytes holds, since 1970. */
const LAST = Date.UTC(2038, 0, 19, 3, 14, 7);

let service: TestService;
let admin: TestClient;

beforeAll(async () => {
  service = await TestService.start(async (env) => {
    const client = new Client(env.DATABASE_URL);
    await client.connect();
    // A function that is found before PostgreSQL's own.
    await client.query(`
      CREATE SCHEMA far;
      CREATE TABLE far.clock (at timestamptz);
      INSERT INTO far.clock VALUES (now());
      CREATE FUNCTION far.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT at FROM far.clock'`);
    await client.end();
    const url = new URL(env.DATABASE_URL!);
    url.searchParams.set('options', '-c search_path=public,far,pg_catalog');
    return { DATABASE_URL: url.href, REQUEST_REPLAY_WINDOW: '600' };
  });
  admin = await service.connectAdmin();
});
afterAll(() => service?.stop());

const setClock = (seconds: number) =>
  service.sql('UPDATE far.clock SET at = $1', [new Date(LAST + seconds * 1_000).toISOString()]);

it('updates go through after 19 January 2038, and repeats of those before it are known until their time is over', async () => {
  const id = await service.insertCommand();
  const about = { action: 'command/update', deviceId: SAMPLE_DEVICE, commandId: id };
  const update = async (requestId: string, status: string) =>
    (await admin.send(JSON.stringify({ ...about, requestId, command: { status } }))).json;
  const stored = async () => {
    const { status, recent } = await service.command(id);
    return { status, remembered: (recent as Buffer[]).map((entry) => entry.readUInt32BE(16) * 1_000 - LAST) };
  };

  await setClock(0);
  expect(await update('1', 'first')).toMatchObject({ status: 'success' });
  await setClock(1);
  expect(await update('2', 'second')).toMatchObject({ status: 'success' });
  expect(await update('1', 'first')).toMatchObject({ status: 'success' });
  expect(await stored()).toEqual({ status: 'second', remembered: [0, 1_000] });

  await setClock(601);
  expect(await update('2', 'second')).toMatchObject({ status: 'success' });
  expect(await stored()).toEqual({ status: 'second', remembered: [0, 1_000] });
  expect(await update('1', 'first')).toMatchObject({ status: 'success' });
  expect(await stored()).toEqual({ status: 'first', remembered: [1_000, 601_000] });
});
