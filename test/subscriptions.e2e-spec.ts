import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { EventIndex } from '../src/subscriptions/event-index.js';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
let admin: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  admin = await service.connectAdmin();
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'two')`);
  await service.sql(`INSERT INTO device_type (id, name) VALUES (2, 'two')`);
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id)
     VALUES ('in-two', 'in two', 2, 2), ('empty', 'nothing stored', 1, 1)`,
  );
  await service.sql(
    `INSERT INTO dh_user (id, login, password_hash, role, status)
     VALUES (50, 'member', '', 1, 0), (51, 'nobody', '', 1, 0)`,
  );
  await service.sql(`INSERT INTO user_network (user_id, network_id) VALUES (50, 1)`);
});
afterAll(() => service?.stop());

/** How much the index of event filters holds, of all connections together: each level and each filter. */
const eventFilters = () => {
  const { watches } = service.app.get(EventIndex) as unknown as { watches: { visit(): Iterable<object> } };
  return [...watches.visit()].length;
};
const insert = (name: string, more: object = {}, deviceId = SAMPLE_DEVICE) =>
  admin.request('command/insert', { deviceId, command: { command: name, ...more } });
const commandsOf = (client: TestClient) => client.events().map(({ json }) => json.command?.command);

describe('what may be subscribed to', () => {
  it.each([
    [
      { networkIds: [2, 999] },
      "404 Networks with such networkIds wasn't found: {[999]}",
      '403 Access is denied',
    ],
    [
      { deviceTypeIds: [998, 999] },
      "404 Device types with such deviceTypeIds wasn't found: {[998, 999]}",
      '403 Access is denied',
    ],
    [{ deviceId: 'unknown' }, '404 Device with such deviceId = unknown not found', '403 Access is denied'],
    [{ deviceId: '' }, '400 Device id is wrong or empty', '403 Access is denied'],
    [{ deviceId: 'in-two' }, 'success', '403 Access is denied'],
    [{ networkIds: [2] }, 'success', '403 Access is denied'],
    [{ networkIds: [1] }, 'success', 'success'],
    [{ networkIds: 5 }, '400 Malformed Json received.', '400 Malformed Json received.'],
    [{ networkIds: ['x'] }, '400 Malformed Json received.', '400 Malformed Json received.'],
    [{ names: [1] }, '400 Malformed Json received.', '400 Malformed Json received.'],
    [{ timestamp: 'x' }, '400 Malformed Json received.', '400 Malformed Json received.'],
  ])('%j is %s for an administrator, %s for a member of network 1', async (wanted, forAdmin, forMember) => {
    const member = { token: signToken({ u: 50, n: ['1'] }) };
    for (const [credential, expected] of [
      [{}, forAdmin],
      [member, forMember],
    ] as const) {
      for (const action of ['command/subscribe', 'notification/subscribe']) {
        const { status, code, error } = await admin.request(action, { ...wanted, ...credential });
        expect(code === undefined ? status : `${code} ${error}`).toBe(expected);
      }
    }
  });

  it('is nothing for a user without a network', async () => {
    const reply = await admin.request('command/subscribe', { token: signToken({ u: 51, n: ['*'] }) });
    expect(reply).toMatchObject({ code: 403, error: 'No access to any device type or network' });
  });

  it('is not more than 100 times on one connection, nor 1,000 combinations', async () => {
    const client = await service.connectAdmin();
    const names = Array.from({ length: 1_001 }, (_, n) => `n${n}`);
    expect(await client.request('command/subscribe', { names })).toMatchObject({ code: 400 });
    const replies = await Promise.all(Array.from({ length: 101 }, () => client.request('command/subscribe')));
    expect(replies.filter(({ status }) => status === 'success')).toHaveLength(100);
    expect(replies.find(({ status }) => status === 'error')).toMatchObject({ code: 429 });
  });
});

describe('the names of a subscription', () => {
  const deep = (levels: number) => '/'.repeat(levels - 1);
  const TOO_LONG = 'Names must have at most 128 characters and 64 levels';

  it.each(['command', 'notification'])(
    'of %s/subscribe have 128 characters and 64 levels at most',
    async (kind) => {
      const client = await service.connectAdmin();
      const subscribe = (names: string[]) => client.request(`${kind}/subscribe`, { names });
      expect(await subscribe([deep(64), 'x'.repeat(128)])).toMatchObject({ status: 'success' });
      for (const name of [deep(65), deep(96), 'x'.repeat(129)]) {
        expect(await subscribe(['fits', name])).toMatchObject({ code: 400, error: TOO_LONG });
      }
    },
  );

  it('leave nothing behind where they are refused', async () => {
    const client = await service.connectAdmin();
    const before = eventFilters();
    const names = [...Array.from({ length: 200 }, (_, n) => `refused/${n}`), deep(96)];
    for (let n = 0; n < 10; n++) {
      expect(await client.request('command/subscribe', { names })).toMatchObject({ code: 400 });
    }
    expect(eventFilters()).toBe(before);
  });

  it('find a stored command whose name has more levels, which DeviceHive did not refuse', async () => {
    const client = await service.connectAdmin();
    await client.subscribe('dh/command_update/#');
    const name = deep(96);
    const commandId = await service.insertCommand(SAMPLE_DEVICE, name);
    const update = { deviceId: SAMPLE_DEVICE, commandId, command: { status: 'deep' } };
    expect(await admin.request('command/update', update)).toMatchObject({ status: 'success' });
    const { topic } = await client.next(({ json }) => json.command?.id === commandId);
    expect(topic).toBe(`dh/command_update/1/1/${SAMPLE_DEVICE}/${name}`);
  });
});

describe('the device of a subscription', () => {
  it('is refused at once where no device can have such an id', async () => {
    const client = await service.connectAdmin();
    const names = Array.from({ length: 500 }, (_, n) => `n${n}`);
    const deviceId = 'x'.repeat(49);
    const add = vi.spyOn(EventIndex.prototype, 'add');
    expect(await client.request('command/subscribe', { deviceId, names })).toMatchObject({
      code: 404,
      error: `Device with such deviceId = ${deviceId} not found`,
    });
    const limited = { deviceId, names, token: signToken({ u: 50, n: ['1'] }) };
    expect(await client.request('command/subscribe', limited)).toMatchObject({ code: 403 });
    expect(add).not.toHaveBeenCalled();
    add.mockRestore();
  });
});

describe('the filters of one connection', () => {
  const TOO_MANY =
    'More than 1000 filters or 10000 levels on one connection: unsubscribe from some first, or ask for fewer';
  const names = (count: number, of = 'n') => Array.from({ length: count }, (_, n) => `${of}${n}`);
  const connect = async () => {
    // The library subscribes for its replies; this one has the whole of what a connection may have.
    const client = await service.connectAdmin();
    await client.mqtt.unsubscribeAsync('dh/response/#');
    return client;
  };
  const ask = async (client: TestClient, body: object, action = 'command/subscribe') => {
    await client.subscribe('dh/response/#');
    return client.request(action, body);
  };

  it('are counted together, whether by an action or by SUBSCRIBE', async () => {
    const client = await service.connectAdmin();
    expect(await client.request('command/subscribe', { names: names(600) })).toMatchObject({
      status: 'success',
    });
    expect(await client.request('notification/subscribe', { names: names(400) })).toMatchObject({
      code: 429,
      error: TOO_MANY,
    });
    expect(await client.request('notification/subscribe', { names: names(398) })).toMatchObject({
      status: 'success',
    });
    expect(await client.subscribe('dh/command/#')).toBe(1);
    expect(await client.subscribe('dh/notification/#')).toBe(128);
    expect(await client.subscribe('dh/command/#', 0)).toBe(0);
    expect(await client.request('command/subscribe')).toMatchObject({ code: 429, error: TOO_MANY });
  });

  it('have 10,000 levels at most, whether by an action or by SUBSCRIBE', async () => {
    const client = await service.connectAdmin();
    const deep = names(200, '/'.repeat(63));
    expect(await client.request('command/subscribe', { names: deep })).toMatchObject({
      code: 429,
      error: TOO_MANY,
    });
    // 69 levels each, and 3 are those of dh/response/#.
    const fits = deep.slice(0, 144);
    expect(await client.request('command/subscribe', { names: fits })).toMatchObject({ status: 'success' });
    expect(await client.subscribe(`x${'/x'.repeat(60)}`)).toBe(1);
    expect(await client.subscribe('x')).toBe(128);
  });

  it('are free again after each way to end a subscription, as many as there were', async () => {
    const before = eventFilters();
    const client = await connect();
    for (const end of ['unsubscribe one', 'unsubscribe all', 'refused', 'unsubscribe one'] as const) {
      const networkIds = end === 'refused' ? [999] : [1];
      const { subscriptionId, code } = await ask(client, { names: names(999), networkIds });
      expect(code).toBe(end === 'refused' ? 404 : undefined);
      if (end === 'unsubscribe one') await ask(client, { subscriptionId }, 'command/unsubscribe');
      if (end === 'unsubscribe all') await ask(client, {}, 'command/unsubscribe');
    }
    await Promise.all(names(999).map((name) => client.mqtt.subscribeAsync(`dh/command/${name}`)));
    expect(await client.subscribe('dh/command/#')).toBe(128);
    await client.mqtt.unsubscribeAsync(names(999).map((name) => `dh/command/${name}`));
    expect(await ask(client, { names: names(999) })).toMatchObject({ status: 'success' });
    await client.end();
    await expect.poll(eventFilters).toBe(before);
  });

  it('are all free after 1,000 subscriptions that ended', async () => {
    const before = eventFilters();
    const client = await service.connectAdmin();
    const cycle = async (kind: string, n: number) => {
      const wanted = { names: names(5, `cycle/${n}/`) };
      const { subscriptionId } = await client.request(`${kind}/subscribe`, wanted);
      const ended = await client.request(`${kind}/unsubscribe`, { subscriptionId });
      expect(ended).toMatchObject({ status: 'success' });
    };
    for (let n = 0; n < 1_000; n += 40) {
      const kinds = Array.from({ length: 40 }, (_, i) => (i % 2 ? 'command' : 'notification'));
      await Promise.all(kinds.map((kind, i) => cycle(kind, n + i)));
    }
    expect(eventFilters()).toBe(before);
    expect(await client.request('command/subscribe', { names: names(999) })).toMatchObject({
      status: 'success',
    });
  });

  it('are not kept twice where a list names the same again and again', async () => {
    const client = await service.connectAdmin();
    const wanted = { names: Array(5_000).fill('same'), networkIds: Array(5_000).fill(1) };
    expect(await client.request('command/subscribe', wanted)).toMatchObject({ status: 'success' });
    const [{ names, networkIds }] = (await client.request('subscription/list')).subscriptions;
    expect([names.length, networkIds.length]).toEqual([1, 1]);
  });
});

describe('rights at each event', () => {
  it('are those of the token that the request came with', async () => {
    const client = await service.connect();
    const token = signToken({ u: 50, n: ['1'], a: [5] });
    expect(await client.request('command/subscribe', { token })).toMatchObject({ status: 'success' });
    await insert('hidden', {}, 'in-two');
    await insert('shown');
    await client.next(({ topic }) => topic.endsWith('/shown'));
    expect(commandsOf(client)).toEqual(['shown']);
  });

  it('end with the token, or with the membership', async () => {
    const client = await service.connect();
    const token = signToken({ u: 50, n: ['1'], a: [5], e: Date.now() + 1_500 });
    await client.request('command/subscribe', { token });
    await insert('in/time');
    await client.next(({ topic }) => topic.endsWith('in/time'));
    await expect
      .poll(async () => (await client.request('command/get', { token })).code, { timeout: 5_000 })
      .toBe(401);
    await insert('too/late');
    const other = await service.connectAdmin();
    await other.subscribe('dh/command/#');
    await insert('end');
    await other.next(({ topic }) => topic.endsWith('/end'));
    expect(commandsOf(client)).toEqual(['in/time']);
  });
});

describe('command/unsubscribe', () => {
  it('ends one subscription, or all of its kind', async () => {
    const client = await service.connectAdmin();
    const ask = async (action: string) => (await client.request(action)).subscriptionId as number;
    const [first, second, third] = [
      await ask('command/subscribe'),
      await ask('command/subscribe'),
      await ask('notification/subscribe'),
    ];
    expect(await client.request('command/unsubscribe', { subscriptionId: third })).toMatchObject({
      code: 404,
    });
    expect(await client.request('command/unsubscribe', { subscriptionId: `${first}` })).toEqual({
      action: 'command/unsubscribe',
      requestId: expect.any(String),
      status: 'success',
    });
    expect(await client.request('command/unsubscribe', { subscriptionId: first })).toMatchObject({
      code: 404,
      error: `Subscription with id ${first} was not found`,
    });
    await insert('one/left');
    await client.next(({ topic }) => topic.endsWith('one/left'));
    expect(client.events().map(({ json }) => json.subscriptionId)).toEqual([second]);
    await client.request('command/unsubscribe');
    const { subscriptions } = await client.request('subscription/list');
    expect(subscriptions.map(({ subscriptionId }: { subscriptionId: number }) => subscriptionId)).toEqual([
      third,
    ]);
  });

  it('ends none of another connection', async () => {
    const [client, other] = [await service.connectAdmin(), await service.connectAdmin()];
    const { subscriptionId } = await client.request('command/subscribe');
    expect(await other.request('command/unsubscribe', { subscriptionId })).toMatchObject({ code: 404 });
    expect((await client.request('subscription/list')).subscriptions).toHaveLength(1);
  });
});

describe('subscription/list', () => {
  const list = async (client: TestClient, body: object = {}) =>
    (await client.request('subscription/list', body)).subscriptions;

  it('shows both kinds, made by an action or by SUBSCRIBE, with all members', async () => {
    const client = await service.connectAdmin();
    const timestamp = '2018-02-08T15:26:30.123';
    const wanted = { networkIds: [1], deviceTypeIds: ['1'], names: ['a', 'b'], timestamp };
    const { subscriptionId } = await client.request('command/subscribe', wanted);
    await client.request('notification/subscribe', { deviceId: SAMPLE_DEVICE });
    for (const filter of [
      'dh/command/#',
      `dh/command_update/1/+/${SAMPLE_DEVICE}/a/b%25`,
      'dh/notification/+/2/+/x',
    ])
      await client.subscribe(filter);
    await client.subscribe(`dh/command/1/1/${SAMPLE_DEVICE}/mine@${client.id}`);
    const open = { deviceId: null, networkIds: null, deviceTypeIds: null, names: null, timestamp: null };
    expect(await list(client)).toEqual([
      {
        ...open,
        subscriptionId,
        type: 'command',
        networkIds: [1],
        deviceTypeIds: [1],
        names: ['a', 'b'],
        timestamp,
      },
      { ...open, subscriptionId: expect.any(Number), type: 'notification', deviceId: SAMPLE_DEVICE },
      { ...open, subscriptionId: 0, type: 'command' },
      {
        ...open,
        subscriptionId: 0,
        type: 'command',
        networkIds: [1],
        deviceId: SAMPLE_DEVICE,
        names: ['a/b%'],
      },
      { ...open, subscriptionId: 0, type: 'notification', deviceTypeIds: [2], names: ['x'] },
      {
        ...open,
        subscriptionId: 0,
        type: 'command',
        networkIds: [1],
        deviceTypeIds: [1],
        deviceId: SAMPLE_DEVICE,
        names: ['mine'],
      },
    ]);
  });

  it('shows one type, and what the permissions show', async () => {
    const client = await service.connectAdmin();
    await client.request('command/subscribe');
    await client.request('notification/subscribe');
    const types = async (body: object) =>
      (await list(client, body)).map(({ type }: { type: string }) => type);
    expect(await types({ type: 'command' })).toEqual(['command']);
    expect(await types({ type: 'notification' })).toEqual(['notification']);
    expect(await types({ type: 'other' })).toEqual([]);
    expect(await types({ token: signToken({ a: [4] }) })).toEqual(['notification']);
    expect(await types({ token: signToken({ a: [5] }) })).toEqual(['command']);
  });

  it('shows nothing of another connection, nor after a reconnect', async () => {
    const clientId = 'comes-again';
    const client = await service.connectAdmin({ clientId });
    await client.request('command/subscribe');
    expect(await list(client)).toHaveLength(1);
    await client.end();
    expect(await list(await service.connectAdmin({ clientId }))).toEqual([]);
    expect(await list(await service.connectAdmin())).toEqual([]);
  });
});

describe('notification/subscribe', () => {
  const insertNotification = (notification: string, more: object = {}) =>
    admin.request('notification/insert', {
      deviceId: SAMPLE_DEVICE,
      notification: { notification, ...more },
    });

  it('replays what is stored and newer or equal, then delivers what is live', async () => {
    const timestamp = '2020-01-01T00:00:00.001';
    await insertNotification('stored/0', { timestamp: '2020-01-01T00:00:00.000' });
    await insertNotification('stored/1', { timestamp });
    await insertNotification('stored/2', { timestamp, parameters: { big: 1 } });
    const client = await service.connectAdmin();
    const wanted = {
      deviceId: SAMPLE_DEVICE,
      names: ['stored/0', 'stored/1', 'stored/2', 'live'],
      timestamp,
    };
    const { subscriptionId } = await client.request('notification/subscribe', wanted);
    await insertNotification('unwanted');
    await insertNotification('live');
    await client.next(({ topic }) => topic.endsWith('/live'));
    expect(
      client.events().map(({ topic, json }) => [topic, json.subscriptionId, json.notification.parameters]),
    ).toEqual([
      [`dh/notification/1/1/${SAMPLE_DEVICE}/stored/1`, subscriptionId, null],
      [`dh/notification/1/1/${SAMPLE_DEVICE}/stored/2`, subscriptionId, { big: 1 }],
      [`dh/notification/1/1/${SAMPLE_DEVICE}/live`, subscriptionId, null],
    ]);
    await client.request('notification/unsubscribe', { subscriptionId });
    expect(await client.request('notification/unsubscribe', { subscriptionId })).toMatchObject({ code: 404 });
  });
});
