import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from './support/raw-client.js';
import { connectRawAdmin, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
const clients: RawClient[] = [];

beforeAll(async () => {
  service = await TestService.start({ ORDINARY_TOPICS: 'anyone' });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.end();
});
afterAll(() => service?.stop());

async function open(): Promise<RawClient> {
  const client = await RawClient.open(service.mqttUrl);
  clients.push(client);
  return client;
}

async function connect(clientId: string): Promise<RawClient> {
  const client = await RawClient.connect(service.mqttUrl, { clientId });
  clients.push(client);
  return client;
}

async function granted(client: RawClient, filters: string[], messageId = 1): Promise<number[]> {
  client.write({
    cmd: 'subscribe',
    messageId,
    subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })),
  });
  return (await client.packet('suback', (packet) => packet.messageId === messageId)).granted;
}

const replies = (clientId: string, count: number) =>
  Array.from({ length: count }, (_, i) => `dh/response/a${i}@${clientId}`);
const count = (codes: number[], code: number) => codes.filter((one) => one === code).length;

/** A client that comes back to the stored session of an administrator with these filters, and has not authenticated. */
async function comeBackTo(clientId: string, filters: string[]): Promise<RawClient> {
  const first = await connectRawAdmin(service.mqttUrl, clientId, { clean: false });
  clients.push(first);
  expect(count(await granted(first, filters), 1)).toBe(filters.length);
  first.end();
  const again = await RawClient.connect(service.mqttUrl, { clientId, clean: false });
  clients.push(again);
  expect(again.packets[0]).toMatchObject({ cmd: 'connack', sessionPresent: true });
  return again;
}

async function authenticate(client: RawClient, claims: object = {}): Promise<void> {
  const messageId = 9;
  client.publish(JSON.stringify({ action: 'authenticate', token: signToken(claims) }), { qos: 1, messageId });
  await client.packet('puback', (packet) => packet.messageId === messageId);
}

/** PUBLISH or CONNECT of which all but the last bytes are sent. */
function unfinished(type: number, bytes: number): Buffer {
  const length = [bytes & 0x7f, (bytes >> 7) & 0x7f, (bytes >> 14) & 0x7f, bytes >> 21];
  const header = Buffer.from([type, ...length.map((byte, i) => (i < 3 ? byte | 0x80 : byte))]);
  return Buffer.concat([header, Buffer.from([0, 1]), Buffer.alloc(bytes - 100, 0x61)]);
}

describe('before it has authenticated', () => {
  it('a client holds 20 filters, and 1,000 once it has', async () => {
    const client = await connect('anonymous');
    expect(count(await granted(client, replies('anonymous', 100)), 1)).toBe(20);
    await authenticate(client);
    expect(count(await granted(client, replies('anonymous', 1_024), 2), 1)).toBe(1_000);
  });

  it('a client holds ordinary filters among these 20', async () => {
    const client = await connect('listener');
    const filters = Array.from({ length: 30 }, (_, i) => `home/${i}`);
    expect(count(await granted(client, filters), 1)).toBe(20);
    expect(await granted(client, replies('listener', 1), 2)).toEqual([128]);
  });

  it('a client gets no filter of over 256 characters, and 200 levels in all', async () => {
    const client = await connect('long');
    const levels = (levels: number) => Array(levels).fill('a').join('/');
    expect(await granted(client, ['x'.repeat(257), 'x'.repeat(256), levels(100)])).toEqual([128, 1, 1]);
    expect(await granted(client, [`b/${levels(99)}`, levels(99)], 2)).toEqual([128, 1]);
  });
});

it('a client whose stored session has 30 filters can subscribe to its replies before it has authenticated', async () => {
  const events = Array.from({ length: 30 }, (_, i) => `dh/command/1/1/device/name${i}`);
  const again = await comeBackTo('comes-back', events);
  expect(count(await granted(again, replies('comes-back', 30)), 1)).toBe(20);
  again.write({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: replies('comes-back', 5) });
  await again.packet('unsuback');
  expect(count(await granted(again, replies('comes-back', 30), 3), 1)).toBe(20);
});

it('filters of a stored session count once a client subscribes to them again before it has authenticated', async () => {
  const again = await comeBackTo('repeats', replies('repeats', 30));
  expect(count(await granted(again, replies('repeats', 20)), 1)).toBe(20);
  const others = Array.from({ length: 20 }, (_, i) => `dh/response/b${i}@repeats`);
  expect(count(await granted(again, others, 2), 1)).toBe(0);
});

it('another user who authenticates on a stored session keeps of it what it has subscribed to before, among its 1,000 filters', async () => {
  await service.sql(`INSERT INTO dh_user (id, login, password_hash, role) VALUES (70, 'heir', '', 1)`);
  const again = await comeBackTo('inherited', replies('inherited', 30));
  expect(count(await granted(again, replies('inherited', 20)), 1)).toBe(20);
  await authenticate(again, { u: 70 });
  const others = Array.from({ length: 1_024 }, (_, i) => `dh/response/b${i}@inherited`);
  expect(count(await granted(again, others, 2), 1)).toBe(980);
});

it('a client whose stored session has 1,000 filters can subscribe to the reply of its authenticate', async () => {
  const events = Array.from({ length: 1_000 }, (_, i) => `dh/command/1/1/device/name${i}`);
  const again = await comeBackTo('full', events);
  expect(await granted(again, ['dh/response/authenticate@full'])).toEqual([1]);
});

it('a client whose token has expired is not held to 20 filters again', async () => {
  const client = await connect('expired');
  expect(count(await granted(client, replies('expired', 20)), 1)).toBe(20);
  await authenticate(client, { e: Date.now() + 1_500 });
  let messageId = 100;
  await expect.poll(() => granted(client, ['dh/command/#'], ++messageId), { timeout: 10_000 }).toEqual([128]);
  const others = Array.from({ length: 20 }, (_, i) => `dh/response/b${i}@expired`);
  expect(count(await granted(client, others, 2), 1)).toBe(20);
});

describe('a stranger', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a CONNECT', Buffer.from([0x10, 40, 0, 4])],
  ])('%s is not waited for longer than 10 s', async (_, bytes) => {
    const client = await open();
    if (bytes.length > 0) client.socket.write(bytes);
    await client.until(() => client.closed);
    expect(client.packets).toEqual([]);
  });

  it('a CONNECT over 100 kB ends its connection before the rest has come', async () => {
    const client = await open();
    client.socket.write(unfinished(0x10, 4_000_000).subarray(0, 1_000));
    await client.until(() => client.closed);
    expect(client.packets).toEqual([]);
  });

  it('packets that stay unfinished take 64 MB at most, and keep nobody from being served', async () => {
    const small = await connect('half-sent');
    small.socket.write(unfinished(0x30, 400_000));
    for (let i = 0; i < 40; i++) {
      const client = await connect(`slow-${i}`);
      client.socket.write(unfinished(0x30, 4_000_000));
    }
    const isOpen = () => clients.filter(({ closed }) => !closed).length;
    await expect.poll(isOpen, { timeout: 15_000 }).toBeLessThanOrEqual(18);
    // The one that takes most gives way.
    expect(small.closed).toBe(false);
    const honest = await connect('honest');
    await granted(honest, ['dh/response/server/info@honest']);
    honest.publish(JSON.stringify({ action: 'server/info', padding: 'x'.repeat(900_000) }));
    await honest.packet('publish');
    expect(isOpen()).toBeGreaterThan(10);
  });
});

it.skipIf(process.platform !== 'linux')(
  'the connection of a client is probed by TCP, so that a dead one is found (read on Linux only)',
  async () => {
    const client = await connect('probed');
    const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
    const server = `0100007F:${hex(Number(new URL(service.mqttUrl).port))}`;
    const peer = `0100007F:${hex(client.socket.localPort!)}`;
    const line = () =>
      readFileSync('/proc/net/tcp', 'utf8')
        .split('\n')
        .map((text) => text.trim().split(/\s+/))
        .find((fields) => fields[1] === server && fields[2] === peer);
    // Timer 2 is that of keep-alive; while data is in flight another one runs.
    await expect.poll(() => line()?.[5]?.split(':')[0]).toBe('02');
  },
);
