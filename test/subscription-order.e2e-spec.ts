import type { Socket } from 'node:net';
import type { Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Connections } from '../src/broker/connections.js';
import { EventIndex } from '../src/subscriptions/event-index.js';
import { EventPublisher } from '../src/transport/event-publisher.js';
import type { TestClient } from './support/client.js';
import { ignoreEvents } from './support/described-traffic.js';
import { RawClient } from './support/raw-client.js';
import { ADMIN, connectRawAdmin, SAMPLE_DEVICE, TestService } from './support/service.js';

ignoreEvents();

const FILTER = 'dh/command/#';
/** Nobody may subscribe to it. */
const REFUSED = 'dh/request';
const ORDINARY = 'home/light';

let service: TestService;
let bystander: TestClient;
const clients: RawClient[] = [];

beforeAll(async () => {
  service = await TestService.start();
  bystander = await service.connectAdmin();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.end();
});
afterAll(() => service?.stop());

let lastClient = 0;
async function connect(clean: boolean, clientId = `in-order-${++lastClient}`): Promise<RawClient> {
  const client = await connectRawAdmin(service.mqttUrl, clientId, { clean });
  clients.push(client);
  return client;
}

const subscribe = (topic: string, messageId: number, qos: 0 | 1 = 1): Packet =>
  ({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos }] }) as Packet;
const unsubscribe = (topic: string, messageId: number): Packet => ({
  cmd: 'unsubscribe',
  messageId,
  unsubscriptions: [topic],
});

const connecting = (options: object): Packet =>
  ({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, keepalive: 0, ...options }) as Packet;

/** Packets in one write. */
function writeTogether(client: RawClient, packets: Packet[]): void {
  client.socket.cork();
  for (const packet of packets) client.write(packet);
  client.socket.uncork();
}

/** The kinds and ids of what was sent since, until the answer to a ping. */
async function answersTo(client: RawClient, packets: Packet[]): Promise<string[]> {
  const before = client.packets.length;
  const acknowledgements = () =>
    client.packets.slice(before).filter(({ cmd }) => cmd === 'suback' || cmd === 'unsuback');
  const expected = packets.filter(({ cmd }) => cmd !== 'publish').length;
  writeTogether(client, packets);
  await client.until(() => acknowledgements().length === expected);
  return acknowledgements().map(({ cmd, messageId }) => `${cmd} ${messageId}`);
}

/** An event that is with the broker when this resolves, or has been sent. */
async function publish(name: string): Promise<void> {
  const subject = { networkId: 1, deviceTypeId: 1, deviceId: SAMPLE_DEVICE };
  const payload = { action: 'command/insert', command: { command: name }, subscriptionId: 0 };
  service.app.get(EventPublisher).publish('command', subject, name, payload);
  await bystander.request('foo');
}

async function ping(client: RawClient): Promise<void> {
  const pongs = () => client.packets.filter(({ cmd }) => cmd === 'pingresp').length;
  const before = pongs();
  client.write({ cmd: 'pingreq' });
  await client.until(() => pongs() > before);
}

/** What was published to it: last level and QoS. */
const received = (client: RawClient) =>
  client.packets.flatMap((packet) =>
    packet.cmd === 'publish' ? [`${packet.topic.split('/').at(-1)} at QoS ${packet.qos}`] : [],
  );

/** What it gets of an event of now. */
async function hears(client: RawClient, name = 'now'): Promise<string[]> {
  const before = received(client).length;
  await publish(name);
  await ping(client);
  return received(client).slice(before);
}

describe.each([
  ['clean=true', true],
  ['clean=false', false],
])('SUBSCRIBE and UNSUBSCRIBE of one filter in one write, with %s,', (_, clean) => {
  it('are acknowledged in order, and leave a client subscribed that ends with SUBSCRIBE', async () => {
    const client = await connect(clean);
    await client.subscribe(FILTER);
    const answers = await answersTo(client, [unsubscribe(FILTER, 1), subscribe(FILTER, 2)]);
    expect(answers).toEqual(['unsuback 1', 'suback 2']);
    expect(await hears(client)).toEqual(['now at QoS 1']);
  });

  it('are acknowledged in order, and leave no subscription where UNSUBSCRIBE is the last', async () => {
    const client = await connect(clean);
    const answers = await answersTo(client, [subscribe(FILTER, 1), unsubscribe(FILTER, 2)]);
    expect(answers).toEqual(['suback 1', 'unsuback 2']);
    expect(await hears(client)).toEqual([]);
  });

  it.each([
    ['subscribed', 100],
    ['not subscribed', 101],
  ])('a hundred times in turn, leave the client %s', async (_, first) => {
    const client = await connect(clean);
    const packets = Array.from({ length: 201 }, (_, n) => n + first).map((n) =>
      n % 2 === 0 ? subscribe(FILTER, n) : unsubscribe(FILTER, n),
    );
    expect(await answersTo(client, packets)).toEqual(
      packets.map(({ cmd, messageId }) => `${cmd === 'subscribe' ? 'suback' : 'unsuback'} ${messageId}`),
    );
    expect(await hears(client)).toEqual(first % 2 === 0 ? ['now at QoS 1'] : []);
  });

  it('are in order around a filter that is refused', async () => {
    const client = await connect(clean);
    await client.subscribe(FILTER);
    const answers = await answersTo(client, [
      subscribe(FILTER, 1),
      subscribe(REFUSED, 2),
      unsubscribe(FILTER, 3),
      subscribe(REFUSED, 4),
      unsubscribe(REFUSED, 5),
      subscribe(FILTER, 6),
      unsubscribe('dh/unknown', 7),
    ]);
    expect(answers).toEqual([
      'suback 1',
      'suback 2',
      'unsuback 3',
      'suback 4',
      'unsuback 5',
      'suback 6',
      'unsuback 7',
    ]);
    expect(client.packets.filter(({ cmd }) => cmd === 'suback').map((packet: any) => packet.granted)).toEqual(
      [[1], [1], [128], [128], [1]],
    );
    expect(await hears(client)).toEqual(['now at QoS 1']);
  });

  it('have the QoS of the last SUBSCRIBE', async () => {
    const client = await connect(clean);
    await client.subscribe(FILTER);
    await answersTo(client, [unsubscribe(FILTER, 1), subscribe(FILTER, 2, 0)]);
    expect(await hears(client)).toEqual(['now at QoS 0']);
    await answersTo(client, [subscribe(FILTER, 3, 0), unsubscribe(FILTER, 4), subscribe(FILTER, 5, 1)]);
    expect(await hears(client)).toEqual(['now at QoS 1']);
    await answersTo(client, [subscribe(FILTER, 6, 1), subscribe(FILTER, 7, 0)]);
    expect(await hears(client)).toEqual(['now at QoS 0']);
  });

  it('hold for the PUBLISH behind them, on an ordinary topic', async () => {
    const client = await connect(clean);
    const message = (payload: string) =>
      ({ cmd: 'publish', topic: ORDINARY, payload, qos: 0, dup: false, retain: false }) as Packet;
    await client.subscribe(ORDINARY);
    await answersTo(client, [
      unsubscribe(ORDINARY, 1),
      message('unheard'),
      subscribe(ORDINARY, 2),
      message('heard'),
      subscribe('home/#', 3),
      subscribe(ORDINARY, 4),
      unsubscribe('home/#', 5),
      unsubscribe(ORDINARY, 6),
      message('unheard'),
      subscribe(ORDINARY, 7, 0),
      message('heard too'),
    ]);
    await ping(client);
    const payloads = client.packets.flatMap((packet) =>
      packet.cmd === 'publish' ? [packet.payload.toString()] : [],
    );
    expect(payloads).toEqual(['heard', 'heard too']);
  });

  it('leave nothing of a client that sends thousands and is gone', async () => {
    const isGone = () =>
      [...service.app.get(Connections)].every(({ client }) => client.id !== `flood-${clean}`);
    const client = await connect(clean, `flood-${clean}`);
    const flood = Array.from({ length: 5_000 }, (_, n) => subscribe(`dh/command/${n % 50}`, n + 1));
    writeTogether(client, [...flood, unsubscribe('dh/command/1', 5_001)]);
    await client.packet('suback');
    client.end();
    await expect.poll(isGone).toBe(true);
    if (clean) expect(service.app.get(EventIndex).match('dh/command/2')).toEqual([]);
    const next = await connect(clean, `flood-${clean}`);
    expect(await answersTo(next, [subscribe(FILTER, 1), unsubscribe(FILTER, 2)])).toHaveLength(2);
  });
});

describe('a stored session', () => {
  it('keeps events for a filter that was given back and asked for again, and none for the reverse', async () => {
    const [again, never] = [await connect(false, 'kept-again'), await connect(false, 'kept-never')];
    await again.subscribe(FILTER);
    await answersTo(again, [unsubscribe(FILTER, 1), subscribe(FILTER, 2), unsubscribe(ORDINARY, 3)]);
    await answersTo(never, [subscribe(FILTER, 1), subscribe(ORDINARY, 2), unsubscribe(FILTER, 3)]);
    for (const client of [again, never]) client.end();
    await expect.poll(() => [...service.app.get(Connections)].length).toBe(1);
    await publish('while/away');
    await bystander.mqtt.publishAsync(ORDINARY, 'while away', { qos: 1 });
    const back = [await connect(false, 'kept-again'), await connect(false, 'kept-never')];
    await back[0]!.until(() => received(back[0]!).length === 1);
    await back[1]!.until(() => received(back[1]!).length === 1);
    for (const client of back) await ping(client);
    expect(back.map(received)).toEqual([['away at QoS 1'], ['light at QoS 1']]);
  });
});

it('SUBSCRIBE in one write with CONNECT is decided on as a later one is', async () => {
  const client = await RawClient.open(service.mqttUrl);
  clients.push(client);
  writeTogether(client, [
    connecting({ clientId: 'hasty', clean: true }),
    subscribe(FILTER, 1),
    subscribe('dh/response/#', 2),
  ]);
  await client.packet('suback', ({ messageId }) => messageId === 2);
  expect(client.packets).toMatchObject([
    { cmd: 'connack', returnCode: 0 },
    { cmd: 'suback', messageId: 1, granted: [128] },
    { cmd: 'suback', messageId: 2, granted: [1] },
  ]);
});

it('SUBSCRIBE from before CONNACK and UNSUBSCRIBE from after it are in order while stored messages are sent', async () => {
  const clientId = 'backlog';
  const connection = () => [...service.app.get(Connections)].find(({ client }) => client.id === clientId);
  const first = await connect(false, clientId);
  await first.subscribe(ORDINARY);
  first.end();
  await expect.poll(connection).toBe(undefined);
  const payload = 'x'.repeat(500_000);
  for (let n = 0; n < 40; n++) await bystander.mqtt.publishAsync(ORDINARY, payload, { qos: 1 });

  const client = await RawClient.open(service.mqttUrl);
  clients.push(client);
  client.socket.pause();
  const { username, password } = ADMIN;
  const login = { clientId, username, password: Buffer.from(password), clean: false };
  writeTogether(client, [connecting(login), subscribe(FILTER, 1)]);
  await expect.poll(() => connection()?.isOpen).toBe(true);
  client.write(unsubscribe(FILTER, 2));
  const { conn } = connection()!.client;
  await expect.poll(() => (conn as Socket).bytesRead).toBe(client.socket.bytesWritten);
  client.socket.resume();
  await client.packet('unsuback');
  await client.packet('suback');
  const answers = client.packets.filter(({ cmd }) => cmd === 'suback' || cmd === 'unsuback');
  expect(answers.map(({ cmd }) => cmd)).toEqual(['suback', 'unsuback']);
  expect(await hears(client, 'later')).not.toContain('later at QoS 1');
});
