import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { ForgetInserts } from '../src/actions/command/forget-inserts.js';
import { Retention } from '../src/retention/retention.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

/** Names that statements give to rows and columns of their own. */
const NAMES = [
  'state key content n now since device_id device_pk device id request at c d q s for_device for_user',
  'network_ids device_type_ids command_id command timestamp parameters lifetime status result',
  'last_updated user_id made_id is_new fits bytes ids count told leads set_command set_timestamp',
  'set_parameters set_lifetime set_status set_result network_id device_type_id is_active is_hidden',
  'has_more place has_network has_type epoch name data blocked role networks types o p u',
].flatMap((line) => line.split(' '));
const TABLES = [
  'device_command device_notification device dh_user network device_type recent_insert',
  'user_network user_device_type leadership',
].flatMap((line) => line.split(' '));

let service: TestService;
let admin: TestClient;

beforeAll(async () => {
  service = await TestService.start(async ({ DATABASE_URL }) => {
    const client = new Client(DATABASE_URL);
    await client.connect();
    for (const table of TABLES) {
      const columns = NAMES.map((name) => `ADD COLUMN IF NOT EXISTS "${name}" text`);
      await client.query(`ALTER TABLE ${table} ${columns}`);
    }
    await client.end();
    return { COMMAND_RETENTION_DAYS: '1' };
  });
  admin = await service.connectAdmin();
});
afterAll(() => service?.stop());

it('columns that are added to all tables, whatever their names are, make no action fail', async () => {
  const deviceId = SAMPLE_DEVICE;
  const since = new Date(Date.now() - 60_000).toISOString().slice(0, -1);
  const succeed = async (action: string, body: object = {}) => {
    const reply = await admin.request(action, body);
    expect({ action, ...reply }).toMatchObject({ action, status: 'success' });
    return reply;
  };
  const full = {
    command: 'led/on',
    timestamp: since,
    parameters: { a: 1 },
    lifetime: 600,
    status: 's',
    result: { b: 2 },
  };
  const { command } = await succeed('command/insert', { deviceId, command: full });
  const commandId = command.id as number;
  await succeed('command/update', { deviceId, commandId, command: full });
  expect((await succeed('command/get', { deviceId, commandId })).command).toMatchObject({
    ...full,
    deviceId,
  });
  for (const sortField of [undefined, 'timestamp', 'status', 'command']) {
    await succeed('command/list', { deviceId, sortField, start: since, commandName: 'led/on', status: 's' });
  }
  await succeed('command/subscribe', { deviceId, timestamp: since });
  await succeed('command/subscribe', { timestamp: since, returnUpdatedCommands: true });
  const notification = { notification: 'lit', timestamp: since, parameters: { a: 1 } };
  const { notification: told } = await succeed('notification/insert', { deviceId, notification });
  await succeed('notification/get', { deviceId, notificationId: told.id });
  for (const sortField of [undefined, 'timestamp', 'notification']) {
    await succeed('notification/list', { deviceId, sortField, start: since });
  }
  await succeed('notification/subscribe', { deviceId, timestamp: since });
  await succeed('subscription/list');
  for (const name of ['new', 'changed']) {
    await succeed('device/save', { deviceId: 'added', device: { name, data: { a: 1 } } });
  }
  await succeed('device/get', { deviceId: 'added' });
  for (const sortField of [undefined, 'name', 'status', 'network'])
    await succeed('device/list', { sortField, name: 'changed' });
  await succeed('device/count', { namePattern: 'cha%' });
  await succeed('device/delete', { deviceId: 'added' });
  await succeed('server/info');
  await succeed('cluster/info');
  await succeed('token', { login: 'dhadmin', password: 'dhadmin_#911' });
});

it('a request that is repeated is recognised beside added columns', async () => {
  const send = async (action: string, body: object) => {
    const request = { action, requestId: action, deviceId: SAMPLE_DEVICE, ...body };
    return (await admin.send(JSON.stringify(request))).json;
  };
  const command = { command: 'led/on', status: 'once' };
  const first = await send('command/insert', { command });
  expect(await send('command/insert', { command })).toEqual(first);
  const commandId = first.command.id as number;
  const update = { commandId, command: { status: 'twice' } };
  expect(await send('command/update', update)).toEqual(await send('command/update', update));
  const notification = { notification: 'lit' };
  expect(await send('notification/insert', { notification })).toEqual(
    await send('notification/insert', { notification }),
  );
  const device = { name: 'saved' };
  expect(await send('device/save', { device })).toEqual(await send('device/save', { device }));
});

it('old rows are deleted beside added columns', async () => {
  await service.insertCommand();
  await service.sql(`UPDATE device_command SET timestamp = now() - interval '9 days'`);
  await service.sql(
    `INSERT INTO recent_insert (request, content, made_id, at) VALUES ('', '', 1, '2020-01-01Z')`,
  );
  expect(await service.app.get(Retention).run()).toBeGreaterThan(0);
  await service.app.get(ForgetInserts).run();
  expect(await service.sql(`SELECT FROM recent_insert WHERE request = ''`)).toEqual([]);
});
