import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeviceChangeRepository } from '../src/actions/device/device-change.repository.js';
import { WriteFence } from '../src/database/write-fence.js';
import { GoneDevices } from '../src/retention/gone-devices.js';
import type { TestClient } from './support/client.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
let admin: TestClient;
let one: TestClient;
let two: TestClient;
let watcher: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'Two'), (3, 'Three')`);
  await service.sql(`INSERT INTO device_type (id, name) VALUES (2, 'Two'), (3, 'Three')`);
  // User 51 has networks 2 and 3, user 52 has 3 alone and of the device types only 3; 53 has none.
  await service.sql(
    `INSERT INTO dh_user (id, login, password_hash, role, all_device_types_available)
     SELECT i, 'user-' || i, password_hash, 1, i <> 52
       FROM dh_user, generate_series(51, 53) i WHERE login = 'dhadmin'`,
  );
  await service.sql('INSERT INTO user_network VALUES (51, 2), (51, 3), (52, 3)');
  await service.sql('INSERT INTO user_device_type VALUES (52, 3)');
  const login = (username: string) => service.connect({ username, password: ADMIN.password });
  [admin, watcher, one, two] = await Promise.all([
    service.connectAdmin(),
    service.connectAdmin(),
    login('user-51'),
    login('user-52'),
  ]);
  await watcher.subscribe('dh/#');
});
afterAll(() => service?.stop());

const denied = { status: 'error', code: 403, error: 'Access is denied' };
const success = { status: 'success' };

const save = (deviceId: unknown, device: unknown = {}, by = admin, more: object = {}) =>
  by.request('device/save', { deviceId, device, ...more });
const remove = (deviceId: unknown, by = admin, more: object = {}) =>
  by.request('device/delete', { deviceId, ...more });
const get = (deviceId: unknown, by = admin, more: object = {}) =>
  by.request('device/get', { deviceId, ...more });
const list = async (body: object = {}, by = admin) => (await by.request('device/list', body)).devices;
const ids = async (body: object = {}, by = admin) =>
  (await list(body, by)).map(({ id }: { id: string }) => id);
const count = async (body: object = {}, by = admin) => (await by.request('device/count', body)).count;
const eventsOf = (deviceId: string, by = watcher) =>
  by.events().filter(({ topic }) => topic.split('/')[4] === deviceId);
const notificationsOf = (deviceId: string) =>
  service.sql<{ notification: string }>(
    `SELECT n.* FROM device_notification n JOIN device d ON n.device = d.id WHERE d.device_id = $1 ORDER BY n.id`,
    [deviceId],
  );

/** Sends a request under a requestId of the test's choice and waits for one more answer to it. */
async function send(by: TestClient, body: { requestId: unknown } & Record<string, unknown>) {
  const isAnswer = ({ json }: { json: Record<string, unknown> }) =>
    json.action === body.action && json.requestId === body.requestId && json.status !== undefined;
  const before = by.messages.filter(isAnswer).length;
  await by.mqtt.publishAsync('dh/request', JSON.stringify(body), { qos: 1 });
  await by.next(() => by.messages.filter(isAnswer).length > before);
  return by.messages.findLast(isAnswer)!.json;
}

describe('device/save', () => {
  it('creates a device, answers the envelope alone, and tells of it in a stored notification', async () => {
    const fields = { name: 'Lamp', data: { a: [1] }, networkId: 2, deviceTypeId: '3', isBlocked: true };
    expect(Object.keys(await save('lamp-1', fields))).toEqual(['action', 'requestId', 'status']);
    const device = { id: 'lamp-1', ...fields, deviceTypeId: 3 };
    expect((await get('lamp-1')).device).toEqual(device);
    await watcher.next(() => eventsOf('lamp-1').length === 1);
    const { topic, json, packet } = eventsOf('lamp-1')[0]!;
    expect(topic).toBe('dh/notification/2/3/lamp-1/$device-add');
    expect(packet).toMatchObject({ qos: 1, retain: false });
    expect(json).toMatchObject({ action: 'notification/insert', subscriptionId: 0 });
    const { notifications } = await admin.request('notification/list', { deviceId: 'lamp-1' });
    expect(notifications).toEqual([json.notification]);
    expect(json.notification).toMatchObject({
      notification: '$device-add',
      deviceId: 'lamp-1',
      networkId: 2,
      deviceTypeId: 3,
      parameters: device,
    });
  });

  it('changes what is given and keeps the rest, data too; {} empties data', async () => {
    await save('lamp-2', { name: 'Lamp', data: { a: 1 }, networkId: 2, deviceTypeId: 2, isBlocked: true });
    await save('lamp-2', { name: 'Lamp two' });
    const expected = { id: 'lamp-2', name: 'Lamp two', networkId: 2, deviceTypeId: 2, isBlocked: true };
    expect((await get('lamp-2')).device).toEqual({ ...expected, data: { a: 1 } });
    await save('lamp-2', { name: null, data: {}, networkId: null, deviceTypeId: null, isBlocked: false });
    const device = { ...expected, data: {}, isBlocked: false };
    expect((await get('lamp-2')).device).toEqual(device);
    await watcher.next(() => eventsOf('lamp-2').length === 3);
    expect(eventsOf('lamp-2').map(({ topic }) => topic.split('/').at(-1))).toEqual([
      '$device-add',
      '$device-update',
      '$device-update',
    ]);
    expect(eventsOf('lamp-2')[2]!.json.notification.parameters).toEqual(device);
  });

  it.each([
    ['an administrator', () => admin, { networkId: 1, deviceTypeId: 1 }],
    ['a user', () => one, { networkId: 2, deviceTypeId: 1 }],
    ['a user of few device types', () => two, { networkId: 3, deviceTypeId: 3 }],
  ])('of %s fills in the device’s id as its name, and the first network and type', async (_, by, place) => {
    const id = `default-${randomUUID().slice(0, 8)}`;
    expect(await save(id, {}, by())).toMatchObject(success);
    expect((await get(id, by())).device).toEqual({ id, name: id, data: null, isBlocked: false, ...place });
  });

  it('with a narrowed token fills in the first of those that it allows', async () => {
    const token = signToken({ u: 51, n: ['3'], dt: ['2', '3'] });
    expect(await save('narrow', {}, await service.connect(), { token })).toMatchObject(success);
    expect((await get('narrow')).device).toMatchObject({ networkId: 3, deviceTypeId: 2 });
  });

  it('moves a device; its events go to the new network from then on, its commands with it', async () => {
    const [hears3, hears2] = [await service.connect(), await service.connect()];
    await hears2.authenticate(signToken({ n: ['2'] }));
    await hears3.authenticate(signToken({ n: ['3'] }));
    for (const client of [hears2, hears3]) await client.subscribe('dh/#');
    await save('nomad', { networkId: 2 }, one);
    const { command } = await one.request('command/insert', { deviceId: 'nomad', command: {} });
    await save('nomad', { networkId: '3', deviceTypeId: 3 }, one);
    await one.request('command/update', { deviceId: 'nomad', commandId: command.id, command: {} });
    await one.request('notification/insert', { deviceId: 'nomad', notification: { notification: 'here' } });
    await watcher.next(({ topic }) => topic.endsWith('/nomad/here'));
    await Promise.all([hears2, hears3].map((client) => client.request('foo')));
    expect(hears2.events().map(({ topic }) => topic)).toEqual([
      'dh/notification/2/1/nomad/$device-add',
      'dh/command/2/1/nomad/',
    ]);
    expect(hears3.events().map(({ topic }) => topic)).toEqual([
      'dh/notification/3/3/nomad/$device-update',
      'dh/command_update/3/3/nomad/',
      'dh/notification/3/3/nomad/here',
    ]);
  });

  it('is executed in the order of arrival, together with device/get and device/delete', async () => {
    const token = signToken();
    const ask = (action: string, more: object) =>
      admin.request(action, { deviceId: 'queue', token, ...more });
    const replies = await Promise.all([
      ...Array.from({ length: 20 }, (_, i) => ask('device/save', { device: { name: `n${i}` } })),
      ask('device/get', {}),
      ask('device/delete', {}),
      ask('device/get', {}),
      ask('device/save', { device: { name: 'again' } }),
    ]);
    expect(replies[20]!.device.name).toBe('n19');
    expect(replies.slice(21)).toMatchObject([success, { code: 404 }, success]);
    expect((await get('queue')).device.name).toBe('again');
  });

  it('makes one device where many create it at the same time', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => service.connectAdmin()));
    const replies = await Promise.all(clients.map((client) => save('rush', {}, client)));
    for (const reply of replies) expect(reply).toMatchObject(success);
    const told = (await notificationsOf('rush')).map(({ notification }) => notification);
    expect(told.filter((name) => name === '$device-add')).toHaveLength(1);
    expect(told).toHaveLength(8);
  });

  const CHARACTERS = 'Device Id can only contain letters, digits and dashes.';
  it.each([
    ['no deviceId', undefined, {}, 400, 'Device id is wrong or empty'],
    ['an empty deviceId', '', {}, 400, CHARACTERS],
    ['an underscore', 'a_b', {}, 400, CHARACTERS],
    ['a slash', 'a/b', {}, 400, CHARACTERS],
    ['a line feed at the end', 'a\n', {}, 400, CHARACTERS],
    ['49 characters', 'x'.repeat(49), {}, 400, CHARACTERS],
    ['an object as deviceId', {}, {}, 400, 'Malformed Json received.'],
    ['null as device', 'bad', null, 400, 'Error! Validation failed: Object is null'],
    ['text as device', 'bad', 'x', 400, 'Malformed Json received.'],
    ['an empty name', 'bad', { name: '' }, 400, 'Device name must have 1 to 128 characters'],
    ['a long name', 'bad', { name: 'x'.repeat(129) }, 400, 'Device name must have 1 to 128 characters'],
    ['a list as data', 'bad', { data: [] }, 400, "'parameters' must be JSON Object!"],
    ['a text as network', 'bad', { networkId: 'x' }, 400, 'Malformed Json received.'],
    ['a fraction as type', 'bad', { deviceTypeId: 1.5 }, 400, 'Malformed Json received.'],
    ['a number as isBlocked', 'bad', { isBlocked: 1 }, 400, 'Malformed Json received.'],
    ['an object as isBlocked', 'bad', { isBlocked: {} }, 400, 'Malformed Json received.'],
    ['an unknown network', 'bad', { networkId: 99 }, 400, 'Invalid request parameters'],
    ['an unknown type', 'bad', { deviceTypeId: -1 }, 400, 'Invalid request parameters'],
    ['2^53 as network', 'bad', { networkId: 2 ** 53 }, 400, 'Malformed Json received.'],
  ])('refuses %s', async (_, deviceId, device, code, error) => {
    expect(await save(deviceId, device)).toMatchObject({ status: 'error', code, error });
    expect(await get('bad')).toMatchObject({ code: 404 });
  });

  it('takes 48 characters, texts for numbers and booleans, and ignores unknown fields', async () => {
    const id = 'x'.repeat(48);
    const device = { name: 7, networkId: '2', isBlocked: 'true', status: 'Online', id: 'other', key: [1] };
    expect(await save(id, device)).toMatchObject(success);
    expect((await get(id)).device).toMatchObject({ id, name: '7', networkId: 2, isBlocked: true });
  });
});

describe('a repeated device/save', () => {
  const request = { action: 'device/save', requestId: 's1', deviceId: 'repeat', device: { name: 'first' } };

  it('changes nothing, stores no second notification, and tells of the first again', async () => {
    await send(admin, request);
    await save('repeat', { name: 'second' });
    expect(await send(admin, request)).toMatchObject(success);
    expect((await get('repeat')).device.name).toBe('second');
    expect(await notificationsOf('repeat')).toHaveLength(2);
    await watcher.next(() => eventsOf('repeat').length === 3);
    const [first, , third] = eventsOf('repeat');
    expect(third!.text).toBe(first!.text);
  });

  it('does not bring back what was deleted', async () => {
    await remove('repeat');
    expect(await send(admin, request)).toMatchObject(success);
    expect(await get('repeat')).toMatchObject({ code: 404 });
    expect(await send(admin, { ...request, device: { name: 'other' } })).toMatchObject(success);
    expect((await get('repeat')).device.name).toBe('other');
  });

  it('is refused without the right', async () => {
    const token = signToken({ n: ['3'] });
    expect(await send(admin, { ...request, token, device: { name: 'other' } })).toMatchObject(denied);
  });
});

describe('device/get', () => {
  it('answers all six fields', async () => {
    expect(await get(SAMPLE_DEVICE)).toMatchObject({
      device: {
        id: SAMPLE_DEVICE,
        name: 'Sample Device',
        data: null,
        networkId: 1,
        deviceTypeId: 1,
        isBlocked: false,
      },
    });
  });

  it('keeps all digits of the numbers in data', async () => {
    await admin.send(
      '{"action":"device/save","requestId":1,"deviceId":"exact","device":{"data":{"a":9007199254740993}}}',
    );
    const { text } = await admin.send('{"action":"device/get","requestId":2,"deviceId":"exact"}');
    expect(text).toContain('9007199254740993');
  });

  it.each([
    [null, 400, 'Device id is wrong or empty'],
    [{}, 400, 'Malformed Json received.'],
    ['unknown', 404, 'Device with such deviceId = unknown not found'],
  ])('refuses the device %j', async (deviceId, code, error) => {
    expect(await get(deviceId)).toMatchObject({ status: 'error', code, error });
  });
});

describe('device/list and device/count', () => {
  const NAMES = ['list a', 'List B', 'list c', 'list%d', 'list_e', 'list\\f'];

  beforeAll(async () => {
    for (const [i, name] of NAMES.entries()) {
      await save(`list-${i}`, { name, networkId: (i % 3) + 1, isBlocked: i === 2 });
    }
  });

  it.each([
    [{ name: 'list a' }, ['list-0']],
    [{ name: 'LIST A' }, []],
    [{ namePattern: 'list a' }, ['list-0']],
    [{ namePattern: 'list%' }, ['list-0', 'list-2', 'list-3', 'list-4', 'list-5']],
    [{ namePattern: 'list__' }, ['list-0', 'list-2', 'list-3', 'list-4', 'list-5']],
    [{ namePattern: '%ist B' }, ['list-1']],
    [{ namePattern: 'list\\' }, []],
    [{ namePattern: 'list\\%' }, ['list-5']],
    [{ namePattern: 'list%', networkId: 1 }, ['list-0', 'list-3']],
    [{ namePattern: 'list%', networkId: '1' }, ['list-0', 'list-3']],
    [{ namePattern: 'list%', networkName: 'Three' }, ['list-2', 'list-5']],
    [{ namePattern: 'list%', networkId: 1, networkName: 'Three' }, []],
    [{ namePattern: 'list%', networkId: 77 }, []],
    [{ namePattern: 'list%', name: 'list c' }, ['list-2']],
  ])('find for %j the devices %j', async (filter, expected) => {
    expect(await ids(filter)).toEqual(expected);
    expect(await count(filter)).toBe(expected.length);
  });

  it.each([
    [{ sortField: 'name', sortOrder: 'asc' }, [1, 0, 2, 3, 5, 4]],
    [{ sortField: 'NAME' }, [1, 0, 2, 3, 5, 4]],
    [{ sortField: 'name', sortOrder: null }, [1, 0, 2, 3, 5, 4]],
    [{ sortField: 'name', sortOrder: 'desc' }, [4, 5, 3, 2, 0, 1]],
    [{ sortField: 'network', sortOrder: 'ASC' }, [0, 3, 2, 5, 1, 4]],
    [{ sortField: 'status', sortOrder: 'desc' }, [2, 5, 4, 3, 1, 0]],
    [{ sortOrder: 'desc' }, [5, 4, 3, 2, 1, 0]],
    [{ take: 2, skip: '1' }, [1, 2]],
    [{ sortField: 'name', take: 1 }, [1]],
    [{ take: 0 }, []],
    [{ skip: 6 }, []],
    [{ unknown: [], status: 'Online' }, [0, 1, 2, 3, 4, 5]],
  ])('list for %j the devices %j', async (page, expected) => {
    const found = await ids({ namePattern: '_ist%', ...page });
    expect(found).toEqual(expected.map((i) => `list-${i}`));
  });

  it.each(['id', '', 'x.id; DROP'])('refuse to sort by %j', async (sortField) => {
    const error = { code: 400, error: 'Invalid request parameters' };
    expect(await admin.request('device/list', { sortField })).toMatchObject(error);
  });

  it('answer all six fields', async () => {
    const [device] = await list({ name: 'list c' });
    expect(device).toEqual((await get('list-2')).device);
  });

  it('take 100 unless told, and 1,000 at most', async () => {
    await service.sql(
      `INSERT INTO device (device_id, name, network_id, device_type_id)
       SELECT 'bulk-' || i, 'bulk', 1, 1 FROM generate_series(1, 1100) i`,
    );
    expect(await ids({ name: 'bulk' })).toHaveLength(100);
    expect(await ids({ name: 'bulk', take: 2_000 })).toHaveLength(1_000);
    expect(await count({ name: 'bulk', take: 1, skip: 9 })).toBe(1_100);
  });

  it('refuse a page that is too long for one reply', async () => {
    const data = { text: 'x'.repeat(900_000) };
    for (let i = 0; i < 5; i++) await save(`large-${i}`, { name: 'large', data });
    expect(await admin.request('device/list', { name: 'large' })).toMatchObject({
      code: 413,
      error: 'Reply is larger than 4194304 bytes: take fewer',
    });
    expect(await list({ name: 'large', take: 4 })).toHaveLength(4);
  });

  it.each([[{ take: 'x' }], [{ namePattern: 'x'.repeat(513) }], [{ networkId: {} }], [{ name: [] }]])(
    'refuse %j',
    async (body) => {
      expect(await admin.request('device/list', body)).toMatchObject({ code: 400 });
      expect(await admin.request('device/count', body)).toMatchObject({ code: 400 });
    },
  );
});

describe('device/delete', () => {
  it('takes the device away with its commands and notifications', async () => {
    await save('doomed', {});
    const { command } = await admin.request('command/insert', { deviceId: 'doomed', command: {} });
    expect(Object.keys(await remove('doomed'))).toEqual(['action', 'requestId', 'status']);
    expect(await get('doomed')).toMatchObject({ code: 404 });
    await service.app.get(GoneDevices).run();
    expect(await service.command(command.id)).toBeUndefined();
    expect(await notificationsOf('doomed')).toEqual([]);
    const unknown = { code: 404, error: 'Device with such deviceId = doomed not found' };
    expect(await remove('doomed')).toMatchObject(unknown);
  });

  it('succeeds when it is repeated, and leaves a device that was created since', async () => {
    const request = { action: 'device/delete', requestId: 'd1', deviceId: 'phoenix' };
    await save('phoenix');
    expect(await send(admin, request)).toMatchObject(success);
    expect(await send(admin, request)).toMatchObject(success);
    await save('phoenix');
    expect(await send(admin, request)).toMatchObject(success);
    expect(await get('phoenix')).toMatchObject(success);
  });

  it('refuses no device', async () => {
    expect(await remove(null)).toMatchObject({ code: 400, error: 'Device id is wrong or empty' });
  });
});

describe('a stranger', () => {
  beforeAll(async () => {
    await save('private', { networkId: 2, name: 'private', deviceTypeId: 1 });
    await save('shared', { networkId: 3, name: 'shared', deviceTypeId: 3 });
  });

  const named = (name: string) => ({ namePattern: name });

  it.each([
    ['a user of another network', {}, () => two],
    ['a token of another network', { token: signToken({ n: ['3'] }) }, () => admin],
    ['a token of another device type', { token: signToken({ dt: ['3'] }) }, () => admin],
    ['a user with a token narrowed to another network', { token: signToken({ u: 51, n: ['3'] }) }, () => one],
    ['a token without networks', { token: signToken({ n: [] }) }, () => admin],
  ])('who is %s sees, counts, changes and deletes nothing', async (_, credential, by) => {
    expect(await get('private', by(), credential)).toMatchObject(denied);
    expect(await get('unknown', by(), credential)).toMatchObject(denied);
    expect(await ids({ ...named('private'), ...credential }, by())).toEqual([]);
    expect(await count({ ...named('private'), ...credential }, by())).toBe(0);
    expect(await save('private', { name: 'stolen' }, by(), credential)).toMatchObject(denied);
    expect(await save('private', { networkId: 3, deviceTypeId: 3 }, by(), credential)).toMatchObject(denied);
    expect(await remove('private', by(), credential)).toMatchObject(denied);
    expect((await get('private')).device).toMatchObject({ name: 'private', networkId: 2 });
    expect(await notificationsOf('private')).toHaveLength(1);
  });

  it('sees what is shared, and nothing else', async () => {
    expect(await ids(named('shared'), two)).toEqual(['shared']);
    const places = (await list({ take: 1_000 }, two)).map(
      ({ networkId, deviceTypeId }: Record<string, number>) => `${networkId}/${deviceTypeId}`,
    );
    expect(new Set(places)).toEqual(new Set(['3/3']));
    expect(await count({}, two)).toBe(places.length);
    expect(await ids({ networkName: 'Two' }, two)).toEqual([]);
  });

  it.each([
    ['a network of others', { networkId: 2 }],
    ['a network that is not there', { networkId: 99 }],
    ['a device type of others', { deviceTypeId: 1 }],
    ['a device type that is not there', { deviceTypeId: 99 }],
  ])('neither creates in nor moves into %s', async (_, place) => {
    expect(await save('intruder', place, two)).toMatchObject(denied);
    expect(await get('intruder')).toMatchObject({ code: 404 });
    expect(await save('shared', place, two)).toMatchObject(denied);
    expect((await get('shared')).device).toMatchObject({ networkId: 3, deviceTypeId: 3 });
  });

  it('with a narrowed token does not move a device beyond it', async () => {
    const token = signToken({ n: ['3'], dt: ['3'] });
    for (const place of [{ networkId: 1 }, { deviceTypeId: 1 }]) {
      expect(await save('shared', place, admin, { token })).toMatchObject(denied);
    }
    expect(await save('shared', { networkId: 3, deviceTypeId: 3 }, admin, { token })).toMatchObject(success);
  });

  it('whose token is for all is told 404 and 400 instead, but for a device id that is taken', async () => {
    const all = { token: signToken({ u: 52 }) };
    const unknown = { code: 404, error: 'Device with such deviceId = private not found' };
    expect(await get('private', admin, all)).toMatchObject(unknown);
    expect(await remove('private', admin, all)).toMatchObject(unknown);
    expect(await save('private', {}, admin, all)).toMatchObject(denied);
    const parameters = { code: 400, error: 'Invalid request parameters' };
    for (const networkId of [2, 99]) {
      expect(await save('intruder', { networkId }, admin, all)).toMatchObject(parameters);
    }
  });

  it('without any network creates nothing', async () => {
    const client = await service.connect({ username: 'user-53', password: ADMIN.password });
    expect(await save('intruder', {}, client)).toMatchObject({ code: 403, error: 'No access to network!' });
    expect(await ids({}, client)).toEqual([]);
  });

  it('who is not active is told so', async () => {
    await service.sql('UPDATE dh_user SET status = 2 WHERE id = 53');
    const token = signToken({ u: 53 });
    const replies = [
      await save('intruder', {}, admin, { token }),
      await get('private', admin, { token }),
      await remove('private', admin, { token }),
      await admin.request('device/list', { token }),
      await admin.request('device/count', { token }),
    ];
    for (const reply of replies) expect(reply).toMatchObject({ code: 401, error: 'Invalid credentials' });
  });

  it('hears of no device of others', async () => {
    const spy = await service.connect({ username: 'user-52', password: ADMIN.password });
    await spy.subscribe('dh/#');
    await save('hidden', { networkId: 2 }, one);
    await save('heard', {}, two);
    await watcher.next(() => eventsOf('heard').length === 1);
    await spy.request('foo');
    expect(spy.events().map(({ topic }) => topic)).toEqual(['dh/notification/3/3/heard/$device-add']);
  });

  it('who lost a network loses its devices at once', async () => {
    await service.sql('DELETE FROM user_network WHERE user_id = 51 AND network_id = 2');
    expect(await save('private', { name: 'mine' }, one)).toMatchObject(denied);
    expect(await save('fresh', { networkId: 2 }, one)).toMatchObject(denied);
    expect(await ids(named('private'), one)).toEqual([]);
    await service.sql('INSERT INTO user_network VALUES (51, 2)');
    expect(await save('private', { name: 'private' }, one)).toMatchObject(success);
  });
});

describe('a replica that was replaced', () => {
  it('changes nothing; the one that leads does', async () => {
    const fence = service.app.get(WriteFence) as { term: unknown };
    const devices = service.app.get(DeviceChangeRepository, { strict: false });
    const scope = { userId: 1, networkIds: null, deviceTypeIds: null, limited: false, generation: 0 };
    await service.sql(`INSERT INTO leadership VALUES ('test', 2)`);
    await save('fenced', {});
    try {
      fence.term = { name: 'test', epoch: '1' };
      const superseded = 'Another replica has taken over';
      await expect(devices.save(scope, 'fenced', { name: 'late' })).rejects.toThrow(superseded);
      await expect(devices.save(scope, 'late', {})).rejects.toThrow(superseded);
      await expect(devices.delete(scope, 'fenced')).rejects.toThrow(superseded);
      expect(await service.sql(`SELECT name FROM device WHERE device_id IN ('fenced', 'late')`)).toEqual([
        { name: 'fenced' },
      ]);
      fence.term = { name: 'test', epoch: '2' };
      expect(await devices.save(scope, 'fenced', { name: 'new' })).toHaveProperty('notification');
      expect(await devices.delete(scope, 'fenced')).toBe(true);
    } finally {
      fence.term = undefined;
    }
  });
});
