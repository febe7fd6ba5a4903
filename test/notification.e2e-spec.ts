import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NotificationService } from '../src/actions/notification/notification.service.js';
import { WriteFence } from '../src/database/write-fence.js';
import type { TestClient } from './support/client.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
let client: TestClient;
let watcher: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  client = await service.connectAdmin();
  watcher = await service.connectAdmin();
  await watcher.subscribe('dh/notification/#');
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'Other')`);
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id)
     VALUES ('other', 'Other', 2, 1), ('listed', 'Listed', 1, 1), ('large', 'Large', 1, 1)`,
  );
  await service.sql(
    `INSERT INTO dh_user (id, login, password_hash, role)
     SELECT i, 'user-' || i, password_hash, 1 FROM dh_user, generate_series(51, 52) i WHERE login = 'dhadmin'`,
  );
  await service.sql('INSERT INTO user_network VALUES (51, 1), (52, 2)');
});
afterAll(() => service?.stop());

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$/;

const insert = (
  notification: unknown,
  deviceId: unknown = SAMPLE_DEVICE,
  requestId: unknown = randomUUID(),
) => send(client, { action: 'notification/insert', requestId, deviceId, notification });
const get = (notificationId: unknown, deviceId: unknown = SAMPLE_DEVICE) =>
  client.request('notification/get', { deviceId, notificationId });
const list = async (body: object) =>
  (await client.request('notification/list', { deviceId: 'listed', ...body })).notifications;
const eventsOf = (id: number) => watcher.events().filter(({ json }) => json.notification?.id === id);
const stored = (name: string) =>
  service.sql<{ id: string }>('SELECT * FROM device_notification WHERE notification = $1', [name]);

/** Sends a request under a requestId of the test's choice and waits for one more answer to it. */
async function send(by: TestClient, body: { requestId: unknown } & Record<string, unknown>) {
  const isAnswer = ({ json }: { json: Record<string, unknown> }) =>
    json.action === body.action && json.requestId === body.requestId && json.status !== undefined;
  const before = by.messages.filter(isAnswer).length;
  await by.mqtt.publishAsync('dh/request', JSON.stringify(body), { qos: 1 });
  await by.next(() => by.messages.filter(isAnswer).length > before);
  return by.messages.findLast(isAnswer)!.json;
}

describe('notification/insert', () => {
  it('answers id and timestamp, and tells the watchers all seven fields', async () => {
    const reply = await insert({
      notification: 'temperature/high',
      parameters: { value: '9007199254740993' },
    });
    expect(Object.keys(reply)).toEqual(['action', 'requestId', 'status', 'notification']);
    const { id, timestamp } = reply.notification;
    expect(reply.notification).toEqual({ id, timestamp });
    expect(timestamp).toMatch(TIMESTAMP);
    await watcher.next(() => eventsOf(id).length === 1);
    const [{ topic, packet, json }] = eventsOf(id) as [Awaited<ReturnType<TestClient['next']>>];
    expect(topic).toBe(`dh/notification/1/1/${SAMPLE_DEVICE}/temperature/high`);
    expect(packet).toMatchObject({ qos: 1, retain: false });
    expect(Object.keys(json)).toEqual(['action', 'notification', 'subscriptionId']);
    expect(Object.keys(json.notification)).toEqual([
      'id',
      'notification',
      'deviceId',
      'networkId',
      'deviceTypeId',
      'timestamp',
      'parameters',
    ]);
    expect(json).toEqual({
      action: 'notification/insert',
      notification: {
        id,
        notification: 'temperature/high',
        deviceId: SAMPLE_DEVICE,
        networkId: 1,
        deviceTypeId: 1,
        timestamp,
        parameters: { value: '9007199254740993' },
      },
      subscriptionId: 0,
    });
  });

  it('sends the event before the reply', async () => {
    const both = await service.connectAdmin();
    await both.subscribe('dh/notification/#');
    await both.request('notification/insert', {
      deviceId: SAMPLE_DEVICE,
      notification: { notification: 'order' },
    });
    expect(both.messages.map(({ topic }) => topic.split('/')[1])).toEqual(['notification', 'response']);
  });

  it('takes a timestamp, and keeps all digits of a number', async () => {
    const payload = `{"action":"notification/insert","requestId":1,"deviceId":"${SAMPLE_DEVICE}",
      "notification":{"notification":"exact","timestamp":"2018-02-08T15:26:30.123+02:00","parameters":{"a":9007199254740993}}}`;
    const { json } = await client.send(payload);
    expect(json.notification.timestamp).toBe('2018-02-08T13:26:30.123');
    await watcher.next(() => eventsOf(json.notification.id).length === 1);
    expect(eventsOf(json.notification.id)[0]!.text).toContain('"a": 9007199254740993');
  });

  it('encodes in the topic what would break it', async () => {
    const { notification } = await insert({ notification: 'a/b+c#d@e%f' });
    await watcher.next(() => eventsOf(notification.id).length === 1);
    expect(eventsOf(notification.id)[0]!.topic).toMatch(/\/a\/b%2Bc%23d%40e%25f$/);
  });

  it.each([
    ['no notification', { deviceId: SAMPLE_DEVICE }, 400, 'Notification is required'],
    ['no notification and no device', {}, 400, 'Notification is required'],
    [
      'null as notification',
      { deviceId: SAMPLE_DEVICE, notification: null },
      400,
      'Notification is required',
    ],
    ['no name and no device', { notification: {} }, 400, 'Notification is required'],
    ['no device', { notification: { notification: 'x' } }, 400, 'Device id is wrong or empty'],
    ['text as notification', { deviceId: SAMPLE_DEVICE, notification: 'x' }, 400, 'Malformed Json received.'],
    [
      'an unknown device',
      { deviceId: 'x', notification: { notification: 'x' } },
      404,
      'Device with such deviceId = x not found',
    ],
    [
      'a list as parameters',
      { deviceId: SAMPLE_DEVICE, notification: { notification: 'x', parameters: [] } },
      400,
      "'parameters' must be JSON Object!",
    ],
    [
      'a wrong timestamp',
      { deviceId: SAMPLE_DEVICE, notification: { notification: 'x', timestamp: 'soon' } },
      400,
      'Malformed Json received.',
    ],
    [
      'a name that is too long',
      { deviceId: SAMPLE_DEVICE, notification: { notification: 'x'.repeat(129) } },
      400,
      'Notification name must have at most 128 characters and 64 levels',
    ],
  ])('refuses %s', async (_, body, code, error) => {
    expect(await client.request('notification/insert', body)).toMatchObject({ status: 'error', code, error });
  });
});

describe('a repeated notification/insert', () => {
  it('gets the first id and timestamp, makes no second row, and tells of the first', async () => {
    const first = await insert({ notification: 'once' }, SAMPLE_DEVICE, 'n1');
    expect(await insert({ notification: 'once' }, SAMPLE_DEVICE, 'n1')).toEqual(first);
    expect(await stored('once')).toHaveLength(1);
    await watcher.next(() => eventsOf(first.notification.id).length === 2);
  });

  it('makes one row where both come at the same time', async () => {
    const body = { action: 'notification/insert', requestId: 'n2', deviceId: SAMPLE_DEVICE };
    const payload = JSON.stringify({ ...body, notification: { notification: 'twins' } });
    await Promise.all(
      Array.from({ length: 20 }, () => client.mqtt.publishAsync('dh/request', payload, { qos: 1 })),
    );
    const replies = () => client.messages.filter(({ json }) => json.requestId === 'n2');
    await client.next(() => replies().length === 20);
    expect(new Set(replies().map(({ text }) => text)).size).toBe(1);
    expect(await stored('twins')).toHaveLength(1);
  });

  it('is another one with another content, without a requestId, and from another client', async () => {
    const body = { action: 'notification/insert', deviceId: SAMPLE_DEVICE };
    const notification = { notification: 'many' };
    await send(client, { ...body, requestId: 'n3', notification });
    await send(client, { ...body, requestId: 'n3', notification: { ...notification, parameters: {} } });
    await send(client, { ...body, requestId: null, notification });
    await send(client, { ...body, requestId: null, notification });
    await send(await service.connectAdmin(), { ...body, requestId: 'n3', notification });
    expect(await stored('many')).toHaveLength(5);
  });

  it('has nothing to do with a command/insert under the same requestId', async () => {
    const command = { action: 'command/insert', requestId: 'n4', deviceId: SAMPLE_DEVICE };
    const first = await send(client, { ...command, command: { command: 'same' } });
    const made = await insert({ notification: 'same' }, SAMPLE_DEVICE, 'n4');
    expect(await send(client, { ...command, command: { command: 'same' } })).toEqual(first);
    expect(await insert({ notification: 'same' }, SAMPLE_DEVICE, 'n4')).toEqual(made);
    expect(await stored('same')).toHaveLength(1);
    expect(await service.sql(`SELECT FROM device_command WHERE command = 'same'`)).toHaveLength(1);
  });

  it('whose notification went with its device makes no other one', async () => {
    const create = `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('reborn', 'R', 1, 1)`;
    await service.sql(create);
    await insert({ notification: 'gone' }, 'reborn', 'n5');
    await service.sql(`DELETE FROM device WHERE device_id = 'reborn'`);
    await service.sql(create);
    const error = 'Requested notification not found';
    expect(await insert({ notification: 'gone' }, 'reborn', 'n5')).toMatchObject({ code: 404, error });
    expect(await stored('gone')).toHaveLength(0);
  });

  it('is executed again where REQUEST_REPLAY_WINDOW is 0', async () => {
    const plain = await TestService.start({ REQUEST_REPLAY_WINDOW: '0' });
    try {
      const admin = await plain.connectAdmin();
      const body = { action: 'notification/insert', requestId: 1, deviceId: SAMPLE_DEVICE };
      for (let i = 0; i < 2; i++) await send(admin, { ...body, notification: { notification: 'x' } });
      expect(await plain.sql('SELECT FROM device_notification')).toHaveLength(2);
    } finally {
      await plain.stop();
    }
  });
});

describe('notification/get', () => {
  it('answers all seven fields, null where empty', async () => {
    const { notification } = await insert({ notification: 'x' });
    const expected = {
      id: notification.id,
      notification: 'x',
      deviceId: SAMPLE_DEVICE,
      networkId: 1,
      deviceTypeId: 1,
      timestamp: notification.timestamp,
      parameters: null,
    };
    expect((await get(notification.id)).notification).toEqual(expected);
    expect((await get(String(notification.id))).notification).toEqual(expected);
  });

  it('answers 404 for a notification of another device', async () => {
    const { notification } = await insert({ notification: 'x' }, 'other');
    const error = 'Requested notification not found';
    expect(await get(notification.id)).toMatchObject({ code: 404, error });
  });

  it.each([
    ['no device and no notification', {}, 400, 'Device id is wrong or empty'],
    ['no notification', { deviceId: SAMPLE_DEVICE }, 400, 'Notification id is wrong or empty'],
    [
      'an unknown device',
      { deviceId: 'x', notificationId: 1 },
      404,
      'Device with such deviceId = x not found',
    ],
    [
      'an unknown notification',
      { deviceId: SAMPLE_DEVICE, notificationId: -1 },
      404,
      'Requested notification not found',
    ],
  ])('refuses %s', async (_, body, code, error) => {
    expect(await client.request('notification/get', body)).toMatchObject({ status: 'error', code, error });
  });
});

describe('notification/list', () => {
  /** Names by time; b and B share theirs. */
  const NAMES = ['a', 'b', 'B', 'c'];
  const TIMES = [1, 2, 2, 3].map((second) => `2020-01-01T00:00:0${second}.000`);

  beforeAll(async () => {
    for (const [i, notification] of NAMES.entries()) {
      await insert({ notification, timestamp: TIMES[i], parameters: { i } }, 'listed');
    }
  });

  const names = async (body: object) =>
    (await list(body)).map(({ notification }: { notification: string }) => notification);

  it('answers all fields', async () => {
    const [first] = await list({});
    expect(first).toEqual((await get(first.id, 'listed')).notification);
    expect(first).toMatchObject({ notification: 'a', timestamp: TIMES[0], parameters: { i: 0 } });
  });

  it.each([
    [{}, ['a', 'b', 'B', 'c']],
    [{ sortOrder: 'DESC' }, ['c', 'B', 'b', 'a']],
    [{ sortField: 'timestamp' }, ['c', 'B', 'b', 'a']],
    [{ sortField: 'Timestamp', sortOrder: 'asc' }, ['a', 'b', 'B', 'c']],
    [{ sortField: 'notification', sortOrder: 'ASC' }, ['B', 'a', 'b', 'c']],
    [{ sortField: 'notification', sortOrder: 'any' }, ['B', 'a', 'b', 'c']],
    [{ sortField: 'id; DROP TABLE device', sortOrder: 'asc' }, ['a', 'b', 'B', 'c']],
    [{ take: 2 }, ['a', 'b']],
    [{ take: '2', skip: 1 }, ['b', 'B']],
    [{ take: 2, skip: 3 }, ['c']],
    [{ sortField: 'timestamp', take: 1 }, ['c']],
    [{ take: 0 }, []],
    [{ take: -1 }, []],
    [{ skip: -1, take: 1 }, ['a']],
    [{ skip: 2 ** 52 }, []],
    [{ start: TIMES[1] }, ['b', 'B', 'c']],
    [{ end: TIMES[1] }, ['a', 'b', 'B']],
    [{ start: TIMES[1], end: TIMES[1] }, ['b', 'B']],
    [{ start: TIMES[3], end: TIMES[0] }, []],
    [{ notification: 'b' }, ['b']],
    [{ notification: 'b', start: TIMES[3] }, []],
    [{ unknown: 1, deviceIds: ['other'], names: ['a'] }, ['a', 'b', 'B', 'c']],
    [{ start: null, end: '', notification: null, take: null }, ['a', 'b', 'B', 'c']],
  ])('answers for %j the names %j', async (body, expected) => {
    expect(await names(body)).toEqual(expected);
  });

  it('takes 100 unless told, and 1,000 at most, of those that match', async () => {
    await service.sql(
      `INSERT INTO device_notification (device, notification, timestamp)
       SELECT d.id, 'bulk', now() FROM device d, generate_series(1, 1100) WHERE d.device_id = 'listed'`,
    );
    expect(await list({ notification: 'bulk' })).toHaveLength(100);
    expect(await list({ notification: 'bulk', take: 5_000 })).toHaveLength(1_000);
    const pages = [0, 1_000].map((skip) => list({ notification: 'bulk', take: 1_000, skip }));
    const ids = (await Promise.all(pages)).flat().map(({ id }: { id: number }) => id);
    expect(new Set(ids).size).toBe(1_100);
    expect(await names({ take: 1 })).toEqual(['a']);
  });

  it('refuses a page that is too long for one reply', async () => {
    for (let i = 0; i < 5; i++) {
      await insert({ notification: 'large', parameters: { text: 'x'.repeat(900_000) } }, 'large');
    }
    expect(await client.request('notification/list', { deviceId: 'large' })).toMatchObject({
      code: 413,
      error: 'Reply is larger than 4194304 bytes: take fewer',
    });
    expect(await list({ deviceId: 'large', take: 4 })).toHaveLength(4);
  });

  it.each([
    ['no device', { deviceId: null }, 400, 'Device id is wrong or empty'],
    ['a wrong start', { start: 'soon' }, 400, 'Malformed Json received.'],
    ['a fraction', { take: 1.5 }, 400, 'Malformed Json received.'],
    ['a list as name', { notification: [] }, 400, 'Malformed Json received.'],
    ['an unknown device', { deviceId: 'x' }, 404, 'Device with such deviceId = x not found'],
  ])('refuses %s', async (_, body, code, error) => {
    const reply = await client.request('notification/list', { deviceId: 'listed', ...body });
    expect(reply).toMatchObject({ status: 'error', code, error });
  });
});

describe('a stranger', () => {
  const denied = { code: 403, error: 'Access is denied' };

  it.each([
    ['a user of another network', {}, { username: 'user-52', password: ADMIN.password }, denied],
    ['a token of another network', { token: signToken({ n: ['2'] }) }, {}, denied],
    ['a token of another device type', { token: signToken({ dt: ['7'] }) }, {}, denied],
    ['a token without networks', { token: signToken({ n: [] }) }, {}, denied],
    [
      'a user of another network with a token for all',
      { token: signToken({ u: 52 }) },
      {},
      { code: 404, error: `Device with such deviceId = ${SAMPLE_DEVICE} not found` },
    ],
    ['nobody', { token: signToken({ u: 99 }) }, {}, { code: 401, error: 'Invalid credentials' }],
  ])('who is %s neither writes nor reads', async (_, credential, options, refusal) => {
    const { notification } = await insert({ notification: 'secret' });
    const { id } = notification;
    const stranger = await service.connect(options);
    const ask = (action: string, body: object) =>
      stranger.request(action, { deviceId: SAMPLE_DEVICE, ...credential, ...body });
    const before = await service.sql('SELECT FROM device_notification');
    expect(await ask('notification/insert', { notification: { notification: 'forged' } })).toMatchObject(
      refusal,
    );
    expect(await ask('notification/get', { notificationId: id })).toMatchObject(refusal);
    expect(await ask('notification/list', {})).toMatchObject(refusal);
    expect(await service.sql('SELECT FROM device_notification')).toHaveLength(before.length);
  });

  it('hears no event; a user of the network does', async () => {
    const [one, two, blind] = await Promise.all([
      service.connect({ username: 'user-51', password: ADMIN.password }),
      service.connect({ username: 'user-52', password: ADMIN.password }),
      service.connect(),
    ]);
    await blind.authenticate(signToken({ a: [5, 9] }));
    for (const spy of [one, two, blind]) await spy.subscribe('dh/notification/#');
    const mine = { deviceId: SAMPLE_DEVICE, notification: { notification: 'whisper' } };
    expect(await one.request('notification/insert', mine)).toMatchObject({ status: 'success' });
    const theirs = { deviceId: 'other', notification: { notification: 'answer' } };
    expect(await two.request('notification/insert', theirs)).toMatchObject({ status: 'success' });
    await watcher.next(({ topic }) => topic.endsWith('/answer'));
    await Promise.all([one, two, blind].map((spy) => spy.request('foo')));
    expect(one.events().map(({ topic }) => topic)).toEqual([`dh/notification/1/1/${SAMPLE_DEVICE}/whisper`]);
    expect(two.events().map(({ topic }) => topic)).toEqual(['dh/notification/2/1/other/answer']);
    expect(blind.events()).toEqual([]);
  });
});

describe('a replica that was replaced', () => {
  it('stores nothing; the one that leads does', async () => {
    const fence = service.app.get(WriteFence) as { term: unknown };
    const notifications = service.app.get(NotificationService, { strict: false });
    const principal = {
      userId: 1,
      networkIds: null,
      deviceTypeIds: null,
      limited: false,
      generation: 0,
    } as never;
    const request = { deviceId: SAMPLE_DEVICE, notification: { notification: 'late' } };
    await service.sql(`INSERT INTO leadership VALUES ('test', 2)`);
    try {
      fence.term = { name: 'test', epoch: '1' };
      await expect(notifications.insert(principal, request)).rejects.toThrow(
        'Another replica has taken over',
      );
      expect(await stored('late')).toHaveLength(0);
      fence.term = { name: 'test', epoch: '2' };
      await notifications.insert(principal, request, { clientId: 'c', requestId: '1' });
      expect(await stored('late')).toHaveLength(1);
    } finally {
      fence.term = undefined;
    }
  });
});
