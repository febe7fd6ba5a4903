import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AedesClient } from './aedes-client.js';

/** What the built-in broker relies on beyond Aedes's documented interface. An upgrade starts by reading this. */
describe('aedes', () => {
  let broker: Aedes;
  let received: Packet[];
  let client: AedesClient;
  let write: (packet: Packet) => void;
  let arrived: () => Promise<unknown>;

  beforeEach(async () => {
    broker = await Aedes.createBroker();
    const [ours, theirs] = duplexPair();
    const parser = mqttPacket.parser();
    received = [];
    parser.on('packet', (packet) => received.push(packet));
    ours.on('data', (data: Buffer) => parser.parse(data));
    write = (packet) => mqttPacket.writeToStream(packet, ours);
    arrived = () => once(ours, 'data');
    client = broker.handle(theirs) as AedesClient;
    const connected = arrived();
    write({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: 'c',
      keepalive: 10,
    } as Packet);
    await connected;
  });
  afterEach(() => new Promise<void>((resolve) => broker.close(resolve)));

  it('is the version that was read', () => {
    expect((broker as Aedes & { version: string }).version).toBe('1.2.0');
  });

  it('takes a packet over at QoS 0 when the hook says so, and leaves the acknowledgement to us', async () => {
    const routed = new Promise<Packet>((resolve) => {
      broker.authorizePublish = (_client: Client | null, packet, done) => {
        packet.qos = 0;
        delete packet.messageId;
        packet.topic = 'rewritten';
        done(null);
      };
      broker.published = (packet, _client, done) => {
        done(null);
        resolve(packet);
      };
    });
    write({ cmd: 'publish', topic: 'asked', payload: 'x', qos: 1, messageId: 9, dup: false, retain: false });
    expect(await routed).toMatchObject({ topic: 'rewritten', qos: 0 });
    const pong = arrived();
    write({ cmd: 'pingreq' });
    await pong;
    expect(received.map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp']);
    mqttPacket.writeToStream({ cmd: 'puback', messageId: 9 }, client.conn);
    await expect.poll(() => received.at(-1)).toMatchObject({ cmd: 'puback', messageId: 9 });
  });

  it('answers PUBREL with PUBCOMP for a message that it never stored', async () => {
    const completed = arrived();
    write({ cmd: 'pubrel', messageId: 4 });
    await completed;
    expect(received.at(-1)).toMatchObject({ cmd: 'pubcomp', messageId: 4 });
  });

  it('keeps a message id and a keep-alive timer on the client', () => {
    expect(client._nextId).toBeTypeOf('number');
    expect(client._keepaliveTimer?.refresh).toBeTypeOf('function');
  });

  it('takes its bytes by read() of the connection, when that emits readable, and after each packet', async () => {
    const { conn } = client;
    const read = conn.read.bind(conn);
    const waiting: Buffer[] = [];
    conn.read = (size?: number) => {
      if (size === 0) return read(0) as null;
      const chunk = read() as Buffer | null;
      if (chunk) waiting.push(...[0, 2].map((at) => chunk.subarray(at, at + 2)));
      return (waiting.shift() ?? null) as never;
    };
    write({ cmd: 'pingreq' });
    write({ cmd: 'pingreq' });
    await expect.poll(() => received.filter(({ cmd }) => cmd === 'pingresp').length).toBe(2);
    waiting.push(Buffer.from([0xc0, 0]));
    conn.emit('readable');
    await expect.poll(() => received.filter(({ cmd }) => cmd === 'pingresp').length).toBe(3);
  });

  it('reads and handles packets in a function of the client, looked up anew for what follows each packet', async () => {
    const { conn, _nextBatch: nextBatch } = client;
    const pings = () => received.filter(({ cmd }) => cmd === 'pingresp').length;
    conn.off('readable', nextBatch);
    expect(conn.listenerCount('readable')).toBe(0);
    let calls = 0;
    client._nextBatch = (failure) => {
      calls++;
      nextBatch(failure);
    };
    conn.on('readable', client._nextBatch);
    write({ cmd: 'pingreq' });
    await expect.poll(pings).toBe(1);
    await expect.poll(() => calls).toBeGreaterThanOrEqual(2);
  });

  it('tells of each SUBSCRIBE what is granted, right after its SUBACK, and asks the store for a then() alone', async () => {
    const { persistence } = broker as unknown as { persistence: Record<string, unknown> };
    const order: unknown[] = [];
    // oxlint-disable-next-line unicorn/no-thenable
    persistence.addSubscriptions = () => ({ then: (next: () => void) => next() });
    client.clean = false;
    broker.authorizeSubscribe = (_client, subscription, done) =>
      done(null, subscription.topic === 'b' ? null : subscription);
    broker.on('subscribe', (subscriptions) =>
      order.push(...subscriptions.map(({ topic, qos }) => [topic, qos])),
    );
    const granted = arrived();
    write({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: ['a', 'b'].map((topic) => ({ topic, qos: 1 })),
    } as Packet);
    await granted;
    expect(received.at(-1)).toMatchObject({ cmd: 'suback', granted: [1, 128] });
    expect(order).toEqual([
      ['a', 1],
      ['b', 128],
    ]);
  });

  it('keeps sessions and retained messages behind methods that can be bounded', () => {
    const { persistence } = broker as unknown as { persistence: Record<string, unknown> };
    const bounded = [
      'addSubscriptions',
      'cleanSubscriptions',
      'outgoingClearMessageId',
      'outgoingUpdate',
      'removeSubscriptions',
      'storeRetained',
    ];
    expect(bounded.map((method) => typeof persistence[method])).toEqual(bounded.map(() => 'function'));
  });
});
