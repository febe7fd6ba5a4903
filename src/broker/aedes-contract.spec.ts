import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AedesClient } from './aedes-client.js';
import { limitPacketSize } from './packet-limit.js';

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

  it('keeps granted filters, a message id and a keep-alive timer on the client', async () => {
    const granted = arrived();
    write({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/+', qos: 1 }] });
    await granted;
    expect(client.subscriptions['a/+']).toMatchObject({ qos: 1 });
    expect(client._nextId).toBeTypeOf('number');
    expect(client._keepaliveTimer?.refresh).toBeTypeOf('function');
    expect([client.pause, client.resume].map((method) => typeof method)).toEqual(['function', 'function']);
  });

  it('counts what is handled during a pause, so that reading on needs the count set back', async () => {
    client.pause();
    const before = client._parsingBatch;
    write({ cmd: 'pingreq' });
    client.resume();
    expect(client._parsingBatch).toBeLessThan(before + 1);
    for (let i = 0; i < 5; i++) {
      client.pause();
      client._parsingBatch = 7;
      client._parsingBatch = 1;
      client.resume();
      const pong = arrived();
      write({ cmd: 'pingreq' });
      await pong;
    }
    expect(received.at(-1)).toMatchObject({ cmd: 'pingresp' });
  });

  it('takes up what came before CONNACK when the client emits that it is connected, once', async () => {
    const [, theirs] = duplexPair();
    expect((broker.handle(theirs) as AedesClient).listenerCount('connected')).toBe(1);
    await expect.poll(() => client.listenerCount('connected')).toBe(0);
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

  it('ends a connection whose packet length the parser refuses', async () => {
    limitPacketSize(client, 100);
    const closed = once(client.conn, 'close');
    write({ cmd: 'publish', topic: 'a', payload: 'x'.repeat(200), qos: 0, dup: false, retain: false });
    await closed;
    expect(client.closed).toBe(true);
  });
});
