import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { connectWith, refuses } from './support/compatibility.js';
import { RawClient } from './support/raw-client.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
let client: TestClient;
/** the server itself, whatever becomes of the service's connections */
let server: DataSource;
let database: string;

beforeAll(async () => {
  service = await TestService.start({ REQUEST_DEADLINE_MS: '1500' });
  client = await connectWith(service);
  server = await new DataSource({ type: 'postgres', url: process.env.TEST_DATABASE_URL }).initialize();
  const [row] = await service.sql<{ name: string }>('SELECT current_database() AS name');
  database = row!.name;
});
afterAll(async () => {
  await service?.stop();
  await server?.destroy();
});

const ask = (action: string, body: object, qos: 0 | 1 = 0) =>
  client.request(action, { deviceId: SAMPLE_DEVICE, ...body }, qos);

/** What is answered to a request that waits for the rows of a table, when that is done to its connection. */
async function whileWaiting<T>(table: string, request: () => Promise<T>, end: string): Promise<T> {
  const holder = service.dataSource.createQueryRunner();
  await holder.startTransaction();
  await holder.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  const answer = request();
  const waiting = `FROM pg_stat_activity WHERE datname = '${database}' AND wait_event_type = 'Lock'`;
  await expect.poll(() => server.query(`SELECT ${end}(pid) ${waiting}`), { interval: 10 }).toHaveLength(1);
  const reply = await answer;
  await holder.rollbackTransaction();
  await holder.release();
  return reply;
}

describe('Errors', () => {
  refuses('503 `The row is locked by somebody else, try again`', async () => {
    const commandId = await service.insertCommand();
    const { unlock } = await service.lock(commandId);
    const reply = await ask('command/update', { commandId, command: {} });
    await unlock();
    return [reply];
  });

  refuses('503 `The list took too long: narrow it, or skip and take fewer`', async () => {
    // As the server itself ends it after 5 s.
    const list = () => ask('command/list', {});
    return [await whileWaiting('device_command', list, 'pg_cancel_backend')];
  });

  refuses('503 `Outcome unknown, it may have been applied`', async () => {
    const commandId = await service.insertCommand();
    const update = () => ask('command/update', { commandId, command: {} });
    return [await whileWaiting('device_command', update, 'pg_terminate_backend')];
  });

  it('503 `Database is unavailable, try again`', async () => {
    const login = { login: ADMIN.username, password: ADMIN.password };
    const connect = { username: login.login, password: Buffer.from(login.password) };
    let held: Promise<object>;
    const end = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1';
    try {
      await server.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
      await server.query(end, [database]);
      held = ask('device/get', {}, 1);
      const refusal = { status: 'error', code: 503, error: 'Database is unavailable, try again' };
      for (const action of ['device/get', 'server/info', 'token', 'authenticate']) {
        expect(await ask(action, { ...login, token: signToken() })).toMatchObject(refusal);
      }
      const { packets } = await RawClient.connect(service.mqttUrl, connect);
      expect(packets).toMatchObject([{ cmd: 'connack', returnCode: 3 }]);
    } finally {
      await server.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`);
    }
    expect(await held).toMatchObject({ status: 'success' });
  });
});
