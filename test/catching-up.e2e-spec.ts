import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CatchingUp } from './support/catching-up.js';
import type { TestClient } from './support/client.js';
import { TestService } from './support/service.js';
import { signToken } from './support/token.js';

type Kind = 'command' | 'notification';
const KINDS: Kind[] = ['command', 'notification'];

let service: TestService;
let admin: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  admin = await service.connectAdmin();
});
afterAll(() => service?.stop());

let lastDevice = 0;
async function createDevice(): Promise<string> {
  const deviceId = `device-${++lastDevice}`;
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ($1, 'Lamp', 1, 1)`,
    [deviceId],
  );
  return deviceId;
}

/** @returns its id */
async function insert(kind: Kind, deviceId: string, name: string, more: object = {}): Promise<number> {
  const reply = await admin.request(`${kind}/insert`, { deviceId, [kind]: { [kind]: name, ...more } });
  return reply[kind].id as number;
}

const idsOf = (kind: Kind, client: TestClient) => client.events().map(({ json }) => json[kind].id as number);

describe.each(KINDS)('%s/subscribe with more stored than its limit', (kind) => {
  const timestamp = '2020-01-01T00:00:00.000';

  it('says so, and continues with the same request, timestamp and afterId in the order of time and id', async () => {
    const deviceId = await createDevice();
    const times = ['00.000', '00.000', '00.001', '00.001', '00.001', '00.001', '00.002'];
    const ids: number[] = [];
    for (const [n, second] of times.entries())
      ids.push(await insert(kind, deviceId, `stored/${n}`, { timestamp: `2020-01-01T00:00:${second}` }));
    const client = await service.connectAdmin();
    const request = { deviceId, limit: 3 };
    const replies = [await client.request(`${kind}/subscribe`, { ...request, timestamp })];
    for (let { hasMore, timestamp: at, afterId } = replies[0]!; hasMore;) {
      replies.push(await client.request(`${kind}/subscribe`, { ...request, timestamp: at, afterId }));
      ({ hasMore, timestamp: at, afterId } = replies.at(-1)!);
    }
    const rests = replies.map(({ hasMore, timestamp: at, afterId }) => [hasMore, at, afterId]);
    expect(rests).toEqual([
      [true, '2020-01-01T00:00:00.001', ids[2]],
      [true, '2020-01-01T00:00:00.001', ids[5]],
      [undefined, undefined, undefined],
    ]);
    const live = await insert(kind, deviceId, 'live');
    await client.next(({ json }) => json[kind]?.id === live);
    expect(idsOf(kind, client)).toEqual([...ids, live]);
  });

  it('is one subscription all the while, which gets a new id with each reply', async () => {
    const deviceId = await createDevice();
    for (let n = 0; n < 3; n++) await insert(kind, deviceId, `stored/${n}`, { timestamp });
    const client = await service.connectAdmin();
    const subscribe = (from: object) => client.request(`${kind}/subscribe`, { deviceId, limit: 2, ...from });
    const first = await subscribe({ timestamp });
    const second = await subscribe({ timestamp: first.timestamp, afterId: first.afterId });
    const { subscriptions } = await client.request('subscription/list');
    expect(subscriptions).toMatchObject([{ subscriptionId: second.subscriptionId, deviceId, timestamp }]);
    expect(second.subscriptionId).not.toBe(first.subscriptionId);
    const end = ({ subscriptionId }: Record<string, any>) =>
      client.request(`${kind}/unsubscribe`, { subscriptionId });
    expect(await end(first)).toMatchObject({ code: 404 });
    expect(await end(second)).toMatchObject({ status: 'success' });
  });

  it('is another subscription where anything else is asked for', async () => {
    const deviceId = await createDevice();
    for (let n = 0; n < 3; n++) await insert(kind, deviceId, `stored/${n}`, { timestamp });
    const client = await service.connectAdmin();
    const subscribe = (more: object) => client.request(`${kind}/subscribe`, { deviceId, limit: 1, ...more });
    const { afterId } = await subscribe({ timestamp });
    await subscribe({ timestamp, afterId, names: ['stored/2'] });
    await subscribe({ timestamp, afterId: afterId + 1 });
    await subscribe({ timestamp });
    expect((await client.request('subscription/list')).subscriptions).toHaveLength(4);
  });

  it('says so where it replays nothing', async () => {
    const deviceId = await createDevice();
    const id = await insert(kind, deviceId, 'stored', { timestamp });
    const subscribe = (from: object) => admin.request(`${kind}/subscribe`, { deviceId, ...from, limit: 0 });
    expect(await subscribe({ timestamp })).toMatchObject({ hasMore: true, timestamp, afterId: 0 });
    expect(await subscribe({ timestamp, afterId: id })).not.toHaveProperty('hasMore');
  });

  it('says so where a page has no room for more, and brings what is longer than that alone', async () => {
    const deviceId = await createDevice();
    const parameters = { text: 'x'.repeat(900_000) };
    const ids: number[] = [];
    for (let n = 0; n < 6; n++) ids.push(await insert(kind, deviceId, 'long', { timestamp, parameters }));
    await service.sql(
      `UPDATE device_${kind} SET parameters = jsonb_build_object('text', repeat('x', 5000000)) WHERE id = $1`,
      [ids[5]],
    );
    const client = await service.connectAdmin();
    const page = async (from: object) => {
      const reply = await client.request(`${kind}/subscribe`, { deviceId, timestamp, ...from });
      return reply.hasMore ? (reply.afterId as number) : undefined;
    };
    expect(await page({})).toBe(ids[3]);
    expect(await page({ afterId: ids[3] })).toBe(ids[4]);
    expect(await page({ afterId: ids[4] })).toBe(undefined);
    await client.next(({ json }) => json[kind]?.id === ids[5]);
    expect(idsOf(kind, client)).toEqual(ids);
  });
});

it('command/subscribe with returnUpdatedCommands continues in the order of lastUpdated', async () => {
  const deviceId = await createDevice();
  const ids: number[] = [];
  for (let n = 0; n < 4; n++) ids.push(await insert('command', deviceId, `updated/${n}`));
  const order = [2, 0, 3, 1].map((n) => ids[n]!);
  for (const commandId of order)
    await admin.request('command/update', { deviceId, commandId, command: { status: 'done' } });
  const client = await service.connectAdmin();
  const request = { deviceId, returnUpdatedCommands: true, limit: 3 };
  const timestamp = '2020-01-01T00:00:00.000';
  const reply = await client.request('command/subscribe', { ...request, timestamp });
  const third = await admin.request('command/get', { deviceId, commandId: order[2] });
  expect(reply).toMatchObject({ hasMore: true, timestamp: third.command.lastUpdated, afterId: order[2] });
  await client.request('command/subscribe', {
    ...request,
    timestamp: reply.timestamp,
    afterId: reply.afterId,
  });
  await client.next(({ json }) => json.command?.id === order[3]);
  expect(idsOf('command', client)).toEqual(order);
});

describe('commands between the end of a token and the next authenticate', () => {
  it.each([
    ['SUBSCRIBE', true, 'are lost'],
    ['SUBSCRIBE', false, 'follow'],
    ['command/subscribe', true, 'are lost'],
    ['command/subscribe', false, 'are lost'],
  ])('of a %s with clean=%j %s, and later ones come without another', async (way, clean, outcome) => {
    const deviceId = await createDevice();
    const client = await service.connect({ clean });
    const expiresAt = Date.now() + 1_000;
    await client.authenticate(signToken({ e: expiresAt }));
    if (way === 'SUBSCRIBE') await client.subscribe(`dh/command/+/+/${deviceId}/#`);
    else await client.request(way, { deviceId });
    await insert('command', deviceId, 'before');
    await client.next(({ topic }) => topic.endsWith('/before'));
    await expect.poll(() => Date.now(), { timeout: 5_000 }).toBeGreaterThan(expiresAt);
    await insert('command', deviceId, 'between');
    await client.authenticate(signToken());
    await insert('command', deviceId, 'after');
    await client.next(({ topic }) => topic.endsWith('/after'));
    const names = client.events().map(({ topic }) => topic.split('/').at(-1));
    expect(names).toEqual(['before', ...(outcome === 'follow' ? ['between'] : []), 'after']);
  });

  it('come to who reconnects and asks for them', async () => {
    const deviceId = await createDevice();
    const device = new CatchingUp('command', deviceId);
    const connect = async (expiresAt: number) => {
      const client = await service.connect();
      client.mqtt.on('message', (_, payload) => device.receive(JSON.parse(payload.toString())));
      await client.authenticate(signToken({ e: expiresAt }));
      await device.start(client);
      return client;
    };
    const expiresAt = Date.now() + 1_000;
    const client = await connect(expiresAt);
    await expect.poll(() => Date.now(), { timeout: 5_000 }).toBeGreaterThan(expiresAt);
    const between = await insert('command', deviceId, 'between');
    await client.end();
    await connect(Date.now() + 60_000);
    await expect.poll(() => [...device.known], { timeout: 5_000 }).toEqual([between]);
  });
});

describe('the recipe of docs/devices.md', () => {
  const ROUNDS = 200;
  /** What passes between two rounds, for what is stored and for the device: what it was away for is soon beyond the margin. */
  const ROUND_S = 30;

  it(`loses nothing in ${ROUNDS} connections that break at any message`, { timeout: 300_000 }, async () => {
    const deviceId = await createDevice();
    const devices = KINDS.map((kind) => new CatchingUp(kind, deviceId));
    const inserted = KINDS.map(() => [] as number[]);
    const lost = () => devices.map(({ known }, n) => inserted[n]!.filter((id) => !known.has(id)).length);
    /** Pipelined, so that several have one timestamp. */
    const burst = async (count: number): Promise<void> => {
      const one = async (kind: Kind, n: number) =>
        inserted[n]!.push(await insert(kind, deviceId, `burst/${kind}`));
      await Promise.all(Array.from({ length: count }, () => KINDS.map(one)).flat());
    };
    /** @param last its number among the messages of the connection, behind which that breaks */
    const connect = async (last: number): Promise<void> => {
      const client = await service.connectAdmin();
      let received = 0;
      client.mqtt.on('message', (_, payload) => {
        if (received >= last) return;
        const message = JSON.parse(payload.toString()) as Record<string, any>;
        for (const device of devices) device.receive(message);
        if (++received >= last) client.mqtt.stream.destroy();
      });
      const live = burst(randomInt(1, 9));
      let progress = () => 'catching up';
      Promise.all(devices.map((device) => device.start(client))).then(
        () => (progress = () => `lost ${lost().join()}`),
        (error: Error) => (progress = () => error.message),
      );
      await live;
      const state = () => (received >= last ? 'broken' : progress());
      await expect.poll(state, { interval: 2, timeout: 20_000 }).toMatch(/^(broken|lost 0,0)$/);
      await client.end();
    };

    for (let round = 0; round < ROUNDS; round++) {
      await connect(randomInt(1, 120));
      for (const kind of KINDS)
        await service.sql(
          `UPDATE device_${kind} SET timestamp = timestamp - make_interval(secs => ${ROUND_S})
            WHERE device = (SELECT id FROM device WHERE device_id = $1) AND timestamp > now() - interval '10 min'`,
          [deviceId],
        );
      for (const device of devices) device.age(ROUND_S * 1_000);
      await burst(randomInt(0, 13));
    }
    await connect(Infinity);
    expect(lost()).toEqual([0, 0]);
  });
});
