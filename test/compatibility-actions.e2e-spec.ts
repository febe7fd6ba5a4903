import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { connectWith, originalActionsOf } from './support/compatibility.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

const SUCCESS = { status: 'success' };
const DENIED = { code: 403, error: 'Access is denied' };
/** a user of role client in network 1, which `in-two` is not in */
const MEMBER = 50;

let service: TestService;
let client: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  client = await connectWith(service);
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'two')`);
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('in-two', 'in two', 2, 1)`,
  );
  await service.sql(
    `INSERT INTO dh_user (id, login, password_hash, role) VALUES (${MEMBER}, 'member', '', 1)`,
  );
  await service.sql(`INSERT INTO user_network VALUES (${MEMBER}, 1)`);
});
afterAll(() => service?.stop());

const ask = (action: string, body: object = {}) =>
  client.request(action, { deviceId: SAMPLE_DEVICE, ...body });
const asMember = (action: string, body: object = {}) =>
  ask(action, { token: signToken({ u: MEMBER, n: ['1'] }), ...body });
const payloadOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()).payload as Record<string, unknown>;

/** Those of a row's actions that are not refused as unknown. */
async function servedOf(title: string): Promise<string[]> {
  const served: string[] = [];
  for (const action of originalActionsOf(title)) {
    const { status, code, error } = await ask(action);
    if (`${status} ${code} ${error}` !== `error 400 Illegal argument: ${action}`) served.push(action);
  }
  return served;
}

describe('Actions', () => {
  it('`command/update`', async () => {
    const commandId = await service.insertCommand();
    const command = { command: 'new', timestamp: '2018-02-08T15:26:30.123', lifetime: 5, status: 'done' };
    const all = { ...command, parameters: { a: 1 }, result: { b: 2 } };
    expect(await ask('command/update', { commandId, command: all })).toMatchObject(SUCCESS);
    expect(await service.command(commandId)).toMatchObject({ command: 'new', lifetime: 5, status: 'done' });
    expect((await ask('command/get', { commandId })).command).toMatchObject(all);
    expect(await ask('command/update', { commandId: 0, command: {} })).toMatchObject({ code: 404 });
  });

  it('`command/insert`', async () => {
    const timestamp = '2018-02-08T15:26:30.123';
    const insert = () => ask('command/insert', { command: { command: 'x', timestamp } });
    const [first, second] = [(await insert()).command, (await insert()).command];
    expect(first.id).not.toBe(second.id);
    expect(first.timestamp).toBe(timestamp);
    expect(Math.abs(Date.parse(`${first.lastUpdated}Z`) - Date.now())).toBeLessThan(60_000);
    expect(await service.command(first.id)).toMatchObject({ command: 'x' });
  });

  it('`command/get`', async () => {
    const commandId = await service.insertCommand();
    const hourAgo = `now() - interval '1 h'`;
    await service.sql(`UPDATE device_command SET timestamp = ${hourAgo}, last_updated = ${hourAgo}`);
    expect(Object.keys((await ask('command/get', { commandId })).command)).toHaveLength(12);
  });

  it('`authenticate`', async () => {
    const session = await service.connect();
    const token = signToken({ e: Date.now() + 1_000 });
    expect(await session.request('authenticate', { token })).toEqual({
      action: 'authenticate',
      requestId: expect.any(String),
      status: 'success',
    });
    const get = () => session.request('device/get', { deviceId: SAMPLE_DEVICE });
    await expect.poll(get, { timeout: 5_000 }).toMatchObject({ code: 401, error: 'Token expired' });
  });

  it('`token`', async () => {
    const token = (login: string, password: string) => client.request('token', { login, password });
    const refusals = await Promise.all([token('nobody', 'wrong'), token(ADMIN.username, 'wrong')]);
    for (const refusal of refusals)
      expect(refusal).toMatchObject({ code: 401, error: 'Invalid credentials' });
    const tokens = await token(ADMIN.username, ADMIN.password);
    expect(payloadOf(tokens.accessToken)).toMatchObject({ u: 1, a: [0], n: ['*'], dt: ['*'], t: 1 });
    expect(payloadOf(tokens.refreshToken)).toMatchObject({ t: 0 });
  });

  it('`token/create`', async () => {
    const create = (payload: object) => asMember('token/create', { payload: { userId: MEMBER, ...payload } });
    const made = await create({ actions: ['*'], networkIds: ['*'] });
    expect(payloadOf(made.accessToken)).toMatchObject({ u: MEMBER, n: ['1'] });
    expect(payloadOf(made.accessToken).a).not.toContain(0);
    expect(await create({ actions: ['ManageUser'] })).toMatchObject(DENIED);
    expect(await create({ networkIds: [2] })).toMatchObject(DENIED);
    expect(await create({ userId: 1 })).toMatchObject(DENIED);
    expect(await create({ actions: ['Fly'] })).toMatchObject({ code: 400 });
    expect(await create({ expiration: Date.now() + 183 * 86_400_000 })).toMatchObject({ code: 400 });
  });

  it('`token/refresh`', async () => {
    const e = Date.now() + 60_000;
    const refreshToken = signToken({ u: MEMBER, a: [5, 12], t: 0, e });
    const { accessToken } = await ask('token/refresh', { refreshToken });
    expect(payloadOf(accessToken)).toMatchObject({ u: MEMBER, a: [5], t: 1, e });
  });

  it('`command/list`', async () => {
    const device = `SELECT id FROM device WHERE device_id = 'in-two'`;
    await service.sql(
      `INSERT INTO device_command (device, command, timestamp, last_updated)
       SELECT (${device}), 'bulk', now(), now() FROM generate_series(1, 1100)`,
    );
    await service.sql(
      `INSERT INTO device_command (device, command, timestamp, last_updated, status, lifetime)
       VALUES ((${device}), 'none', '2001-01-01', now(), NULL, 1), ((${device}), 'a', '2002-01-01', now(), 'a', NULL),
              ((${device}), 'B', '2003-01-01', now(), 'B', NULL), ((${device}), 'A', '2003-01-01', now(), 'a', NULL)`,
    );
    const names = async (body: object): Promise<string[]> => {
      const { commands } = await ask('command/list', { deviceId: 'in-two', ...body });
      return commands.map(({ command }: { command: string }) => command);
    };
    expect(await names({ command: 'bulk' })).toHaveLength(100);
    expect(await names({ command: 'bulk', take: 5_000 })).toHaveLength(1_000);
    expect(await names({ take: 4 })).toEqual(['none', 'a', 'B', 'A']);
    const byStatus = { names: ['none', 'a', 'B', 'A'], sortField: 'status', sortOrder: 'asc' };
    expect(await names(byStatus)).toEqual(['B', 'a', 'A', 'none']);
    expect(await names({ ...byStatus, skip: 1, take: 1 })).toEqual(['a']);
    expect(await names({ deviceIds: [SAMPLE_DEVICE], take: 1 })).toEqual(['none']);
    expect(await ask('command/list', { names: [1] })).toMatchObject({ code: 400 });
  });

  it('`network/*`, `devicetype/*`, `user/*`, `configuration/*`', async () => {
    expect(await servedOf('`network/*`, `devicetype/*`, `user/*`, `configuration/*`')).toEqual([]);
  });

  it('`server/info`', async () => {
    const clock = async () =>
      (await service.sql<{ at: Date }>('SELECT clock_timestamp() AS at'))[0]!.at.getTime();
    const before = await clock();
    const { info } = await ask('server/info', { token: 'none is needed' });
    expect(Object.keys(info)).toEqual(['apiVersion', 'serverTimestamp', 'restServerUrl']);
    expect(info.restServerUrl).toBeNull();
    const at = Date.parse(`${info.serverTimestamp}Z`);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(await clock());
  });

  it('`server/cacheInfo`', async () => {
    expect(await servedOf('`server/cacheInfo`')).toEqual([]);
  });

  it('`cluster/info`', async () => {
    const { clusterInfo } = await ask('cluster/info');
    expect(clusterInfo).toEqual({ 'bootstrap.servers': null, 'zookeeper.connect': null });
  });

  it('`plugin/*`', async () => {
    expect(await ask('plugin/list')).toMatchObject({ code: 400, error: 'Illegal argument: plugin/list' });
    const token = signToken({ u: undefined, tpc: 'plugin_topic' });
    expect(await ask('authenticate', { token })).toMatchObject({ code: 401, error: 'Invalid credentials' });
  });
});

describe('Requests', () => {
  it('order of checks', async () => {
    const update = (claims: object, deviceId: string, command: object) =>
      ask('command/update', { token: signToken({ n: ['1'], ...claims }), deviceId, commandId: 0, command });
    const wrong = { status: [] };
    expect(await update({ a: [5] }, 'unknown', wrong)).toMatchObject(DENIED);
    expect(await update({}, 'unknown', wrong)).toMatchObject({
      code: 400,
      error: 'Malformed Json received.',
    });
    expect(await update({}, 'unknown', {})).toMatchObject(DENIED);
    const error = 'Command with id = 0 not found';
    expect(await update({}, SAMPLE_DEVICE, {})).toMatchObject({ code: 404, error });
  });

  it('order in `command/update`', async () => {
    const errorOf = async (body: object) => (await client.request('command/update', body)).error;
    expect(await errorOf({})).toBe('Command id is wrong or empty');
    expect(await errorOf({ commandId: 0 })).toBe('Device id is wrong or empty');
    const noCommand = 'Error! Validation failed: Object is null';
    expect(await errorOf({ commandId: 0, deviceId: 'unknown' })).toBe(noCommand);
  });
});
