import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from './support/raw-client.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

const DEVICE_TWO = 'device-two';

let service: TestService;
let id: number;

beforeAll(async () => {
  service = await TestService.start();
  id = await service.insertCommand();
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'Other'), (3, 'Third')`);
  await service.sql(`INSERT INTO device_type (id, name) VALUES (2, 'Other'), (3, 'Third')`);
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('${DEVICE_TWO}', 'Two', 2, 2)`,
  );
  await service.sql(
    `INSERT INTO dh_user (id, login, password_hash, role)
     SELECT 50, 'two', password_hash, 1 FROM dh_user WHERE login = 'dhadmin'`,
  );
  await service.sql('INSERT INTO user_network VALUES (50, 2)');
});
afterAll(() => service?.stop());

const EVERYTHING = [
  '#',
  '+/#',
  'dh/#',
  '+/request',
  'dh/request',
  'dh/request/#',
  'dh/+',
  'dh/+/+/+',
  'dh/reply/#',
];
const EVENTS = ['dh/command/#', 'dh/command_update/#', 'dh/notification/#'];

/** Somebody who subscribes to all there is, and whatever the service lets happen meanwhile. */
async function eavesdropper(options: object) {
  const spy = await service.connect(options);
  for (const filter of [...EVERYTHING, ...EVENTS, '$SYS/#', '$share/g/dh/request'])
    await spy.subscribe(filter);
  return spy;
}

/** A conversation with a password, a token, a reply and events; each step waits for its answer. */
async function conversation(deviceId = SAMPLE_DEVICE) {
  const victim = await service.connect();
  const { accessToken } = await victim.request('token', { login: ADMIN.username, password: ADMIN.password });
  await victim.authenticate(accessToken);
  const { command } = await victim.request('command/insert', { deviceId, command: { command: 'secret' } });
  await victim.request('command/update', { deviceId, commandId: command.id, command: { status: 'secret' } });
  return command.id as number;
}

/** What the client got beside its own replies, once a message of its own has made the way through the broker. */
async function heard(spy: Awaited<ReturnType<typeof eavesdropper>>) {
  await spy.request('foo');
  return spy.messages.filter(({ topic }) => topic !== `dh/response/foo@${spy.id}`).map(({ topic }) => topic);
}

describe('an eavesdropper', () => {
  it.each([
    ['anonymous', {}],
    ['anonymous with a client id that looks like another', { clientId: 'victim@x' }],
  ])('who is %s hears nothing', async (_, options) => {
    const spy = await eavesdropper(options);
    await conversation();
    expect(await heard(spy)).toEqual([]);
  });

  it('who is authenticated hears the events it may see, and no request or reply', async () => {
    const spy = await eavesdropper(ADMIN);
    await conversation();
    await spy.next(({ topic }) => topic.startsWith('dh/command_update/'));
    const topics = await heard(spy);
    expect(topics.filter((topic) => !/^dh\/command(_update)?\//.test(topic))).toEqual([]);
  });

  it('gets no event through # alone', async () => {
    const spy = await service.connect(ADMIN);
    await spy.subscribe('#');
    await spy.subscribe('+/command/#');
    await conversation();
    expect(await heard(spy)).toEqual([]);
  });

  it('of another network gets no event of this one, whoever else is subscribed to what', async () => {
    const spy = await service.connect({ username: 'two', password: ADMIN.password });
    const admin = await service.connectAdmin();
    for (const filter of EVENTS) {
      await spy.subscribe(filter);
      await admin.subscribe(filter);
    }
    await conversation();
    await conversation(DEVICE_TWO);
    await spy.next(({ topic }) => topic.startsWith('dh/command_update/2/'));
    expect(spy.events().map(({ topic }) => topic)).toEqual([
      `dh/command/2/2/${DEVICE_TWO}/secret`,
      `dh/command_update/2/2/${DEVICE_TWO}/secret`,
    ]);
    await admin.next(({ topic }) => topic.startsWith('dh/command_update/2/'));
    expect(admin.events()).toHaveLength(4);
  });

  it('whose token is narrowed gets only what it allows', async () => {
    const spy = await service.connect();
    await spy.authenticate(signToken({ a: [5], dt: ['2'] }));
    for (const filter of EVENTS) await spy.subscribe(filter);
    const blind = await service.connect();
    await blind.authenticate(signToken({ a: [8] }));
    for (const filter of EVENTS) await blind.subscribe(filter);
    await conversation();
    await conversation(DEVICE_TWO);
    await spy.next(({ topic }) => topic.startsWith('dh/command_update/2/'));
    expect(spy.events()).toHaveLength(2);
    expect(blind.events()).toHaveLength(0);
  });

  it('gets no event any more within a second of losing the right', async () => {
    const spy = await service.connect({ username: 'two', password: ADMIN.password });
    for (const filter of EVENTS) await spy.subscribe(filter);
    await conversation(DEVICE_TWO);
    await spy.next(({ topic }) => topic.startsWith('dh/command_update/2/'));
    await service.sql('DELETE FROM user_network WHERE user_id = 50');
    const revokedAt = Date.now();
    await expect.poll(() => Date.now() - revokedAt).toBeGreaterThan(1_000);
    const before = spy.events().length;
    await conversation(DEVICE_TWO);
    await heard(spy);
    expect(spy.events()).toHaveLength(before);
    await service.sql('INSERT INTO user_network VALUES (50, 2)');
  });

  it('whose token has expired gets no event any more', async () => {
    const spy = await service.connect();
    const expiresAt = Date.now() + 1_000;
    await spy.authenticate(signToken({ e: expiresAt }));
    for (const filter of EVENTS) expect(await spy.subscribe(filter)).toBe(1);
    await expect.poll(() => Date.now()).toBeGreaterThan(expiresAt);
    await conversation();
    await heard(spy);
    expect(spy.events()).toEqual([]);
  });
});

describe('a filter', () => {
  it.each([
    ['dh', 128],
    ['dh/', 128],
    ['dh/#', 128],
    ['dh/request', 128],
    ['dh/request/#', 128],
    ['dh/command/#', 128],
    ['dh/notification/1/1/x/y', 128],
    ['dh/response/command/update@other', 128],
    ['dh/response/authenticate@other', 128],
    ['dh/reply/#', 128],
    ['$SYS/#', 128],
    ['$share/group/dh/command/#', 128],
    ['#', 128],
    ['ordinary', 128],
    ['dh/response/authenticate@SELF', 1],
    ['dh/response/command/update@SELF', 1],
    ['dh/response/@SELF', 1],
    ['dh/response/#', 1],
  ])('%s of an anonymous client is answered %i', async (filter, granted) => {
    const client = await service.connect();
    expect(await client.subscribe(filter.replace('SELF', client.id))).toBe(granted);
    expect(await client.request('foo')).toMatchObject({ code: 400 });
  });

  it.each([
    ['dh/request', 128],
    ['dh/request/x', 128],
    ['dh/response/command/update@other', 128],
    ['dh/command/1/1/x/y@other', 128],
    ['$SYS/#', 128],
    ['$share/group/ordinary', 128],
    ['dh/command/#', 1],
    ['dh/command_update/+/+/+/led', 1],
    ['dh/command/1/1/x/y@SELF', 1],
    ['dh/#', 1],
    ['#', 1],
    ['ordinary', 1],
  ])('%s of an authenticated client is answered %i', async (filter, granted) => {
    const client = await service.connectAdmin();
    expect(await client.subscribe(filter.replace('SELF', client.id))).toBe(granted);
    expect(await client.request('foo')).toMatchObject({ code: 400 });
  });

  it('that is forbidden leaves the others of its SUBSCRIBE and the connection', async () => {
    const raw = await RawClient.connect(service.mqttUrl, { clientId: 'mixed' });
    raw.write({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: ['dh/request', 'dh/response/foo@mixed', 'dh/command/#'].map((topic) => ({
        topic,
        qos: 1,
      })),
    });
    expect((await raw.packet('suback')).granted).toEqual([128, 1, 128]);
    raw.publish('{"action":"foo"}');
    await raw.packet('publish');
    raw.end();
  });
});

const FORGED = [
  `dh/command/1/1/${SAMPLE_DEVICE}/forged`,
  `dh/command_update/1/1/${SAMPLE_DEVICE}/forged`,
  `dh/notification/1/1/${SAMPLE_DEVICE}/forged`,
  'dh/response/foo@watcher',
  'dh/response/@watcher',
  'dh/reply/x/1/dh/response/foo@watcher',
  'dh',
  '$SYS/x/heartbeat',
];

describe.each([
  ['anonymous', {}],
  ['authenticated', ADMIN],
])('a forger who is %s', (_, options) => {
  it('is acknowledged, stays connected and reaches nobody', async () => {
    const watcher = await service.connectAdmin({ clientId: 'watcher' });
    for (const filter of EVENTS) await watcher.subscribe(filter);
    const forger = await service.connect(options);
    for (const topic of FORGED) {
      for (const qos of [0, 1, 2] as const) await forger.mqtt.publishAsync(topic, '{"forged":true}', { qos });
    }
    expect(await forger.request('foo')).toMatchObject({ code: 400 });
    expect(await watcher.request('foo')).toMatchObject({ code: 400 });
    expect(watcher.messages.filter(({ text }) => text.includes('forged'))).toEqual([]);
    const lines = service.logger.lines.filter((line) => line.includes(forger.id) && line.includes('dropped'));
    expect(lines).toHaveLength(1);
    await watcher.end();
  });

  it('cannot do it with a will either, and is let in with one', async () => {
    const watcher = await service.connectAdmin({ clientId: 'watcher' });
    for (const filter of [...EVENTS, 'wills/#']) await watcher.subscribe(filter);
    const update = { action: 'command/update', token: signToken(), deviceId: SAMPLE_DEVICE, commandId: id };
    const payload = JSON.stringify({ ...update, command: { status: 'forged' } });
    for (const topic of [...FORGED.filter((forged) => forged.startsWith('dh')), 'dh/request']) {
      const forger = await service.connect({ ...options, will: { topic, payload, qos: 1, retain: true } });
      forger.mqtt.stream.destroy();
    }
    // A will that may go out, of a client that leaves after them all, says that theirs would have by now.
    const last = await service.connectAdmin({ will: { topic: 'wills/last', payload: 'left', qos: 1 } });
    last.mqtt.stream.destroy();
    await watcher.next(({ topic }) => topic === 'wills/last');
    expect(watcher.messages.filter(({ text }) => text.includes('forged'))).toEqual([]);
    expect((await service.command(id)).status).not.toBe('forged');
    await watcher.end();
  });

  it('cannot leave a retained message', async () => {
    const forger = await service.connect(options);
    for (const topic of FORGED) {
      await forger.mqtt.publishAsync(topic, '{"forged":true}', { qos: 1, retain: true });
    }
    const watcher = await service.connectAdmin({ clientId: 'watcher' });
    for (const filter of [...EVENTS, 'dh/#', '#']) await watcher.subscribe(filter);
    expect(await watcher.request('foo')).toMatchObject({ code: 400 });
    expect(watcher.messages.filter(({ text }) => text.includes('forged'))).toEqual([]);
    await watcher.end();
  });

  it('asks in its own name only, whatever follows dh/request', async () => {
    const victim = await service.connectAdmin({ clientId: 'victim' });
    const forger = await service.connect(options);
    const before = victim.messages.length;
    for (const topic of [
      'dh/request/victim',
      `dh/request/x/victim/1-1`,
      'dh/request//',
      'dh/request/a/b/c/d',
    ]) {
      const answers = forger.messages.length;
      await forger.mqtt.publishAsync(topic, '{"action":"foo"}', { qos: 1 });
      await forger.next((message) => forger.messages.indexOf(message) >= answers);
      expect(forger.messages.at(-1)!.topic).toBe(`dh/response/foo@${forger.id}`);
    }
    expect(victim.messages).toHaveLength(before);
    await victim.end();
  });
});

describe('a retained request', () => {
  it('is answered 400, not executed and not kept', async () => {
    const client = await service.connectAdmin();
    const body = { action: 'command/update', deviceId: SAMPLE_DEVICE, commandId: id, requestId: 9 };
    const reply = await client.send(JSON.stringify({ ...body, command: { status: 'retained' } }), {
      retain: true,
    });
    expect(reply.topic).toBe(`dh/response/command/update@${client.id}`);
    expect(reply.json).toEqual({
      action: 'command/update',
      requestId: 9,
      status: 'error',
      code: 400,
      error: 'Retained requests are not executed',
    });
    expect((await service.command(id)).status).not.toBe('retained');
  });
});

describe('a client with clean=false', () => {
  it('stays connected and misses none of its events while events of others pass by', async () => {
    const [admin, member] = [await service.connectAdmin(), await service.connect({ clean: false })];
    await member.authenticate(signToken({ u: 50 }));
    await member.subscribe('dh/#');
    const insert = (deviceId: string, n: number) =>
      admin.request('command/insert', { deviceId, command: { command: `passes/${n}` } });
    await Promise.all(
      Array.from({ length: 200 }, (_, n) => insert(n % 2 === 0 ? DEVICE_TWO : SAMPLE_DEVICE, n)),
    );
    await member.next(() => member.events().length === 100);
    expect(new Set(member.events().map(({ json }) => json.command.deviceId))).toEqual(new Set([DEVICE_TWO]));
    expect(member.mqtt.connected).toBe(true);
  });
});

describe('client ids that contain each other', () => {
  it('never see each other’s replies', async () => {
    const ids = ['b', 'a@b', 'b@a', 'user@example.com'];
    const clients = await Promise.all(ids.map((clientId) => service.connect({ clientId })));
    for (const client of clients) {
      await Promise.all(ids.map((owner) => client.subscribe(`dh/response/foo@${owner}`)));
    }
    await Promise.all(clients.map((client) => client.request('foo')));
    for (const client of clients) {
      expect(client.messages.map(({ topic }) => topic)).toEqual([`dh/response/foo@${client.id}`]);
    }
  });
});

describe('a take-over of a client id', () => {
  it('closes the old connection and inherits nothing of it', async () => {
    const before = await service.connectAdmin({ clientId: 'taken' });
    const closed = new Promise((resolve) => before.mqtt.once('close', () => resolve(true)));
    const after = await service.connect({ clientId: 'taken' });
    expect(await closed).toBe(true);
    expect(await after.request('command/get', { deviceId: SAMPLE_DEVICE, commandId: id })).toMatchObject({
      code: 401,
      error: 'Unauthorized',
    });
    expect(await after.subscribe('dh/command/#')).toBe(128);
  });

  it('gets neither the session nor the reply of an authenticate or token that is under way', async () => {
    const before = await service.connect({ clientId: 'racing' });
    const login = { login: ADMIN.username, password: ADMIN.password };
    before.mqtt.publish(
      'dh/request',
      JSON.stringify({ action: 'authenticate', token: signToken(), requestId: 1 }),
    );
    before.mqtt.publish('dh/request', JSON.stringify({ action: 'token', ...login, requestId: 2 }));
    const after = await service.connect({ clientId: 'racing' });
    // The password of the first takes longer than this; both are over when one more has been checked.
    await after.request('token', { ...login, password: 'wrong' });
    expect(after.messages.map(({ json }) => json.code)).toEqual([401]);
    expect(await after.request('command/get', { deviceId: SAMPLE_DEVICE, commandId: id })).toMatchObject({
      code: 401,
    });
  });
});

describe('ORDINARY_TOPICS', () => {
  it.each([
    ['anyone', true, true],
    ['authenticated', false, true],
    ['nobody', false, false],
  ])(
    '%s lets anonymous clients (%s) and authenticated ones (%s) use topics outside dh/',
    async (value, ...may) => {
      const other = await TestService.start({ ORDINARY_TOPICS: value });
      try {
        const clients = [await other.connect(), await other.connectAdmin()];
        for (const [i, client] of clients.entries()) {
          expect(await client.subscribe('home/+')).toBe(may[i] ? 1 : 128);
          await client.mqtt.publishAsync('home/light', 'on', { qos: 1 });
          await client.request('foo');
          expect(client.events().length > 0).toBe(may[i]);
        }
      } finally {
        await other.stop();
      }
    },
  );
});
