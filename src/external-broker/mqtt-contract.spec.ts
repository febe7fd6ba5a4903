import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createRequire } from 'node:module';
import { Aedes } from 'aedes';
import { connect, type MqttClient } from 'mqtt';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SentPackets } from '../transport/link/sent-packets.js';

/**
 * What `Acknowledgements` relies on in MQTT.js, which is not its public interface: when one of these fails after an
 * upgrade, PUBACKs leave at the wrong moment, or not at all.
 */
let aedes: Aedes;
let server: Server;
let client: MqttClient;
let chunks: Packet[][];

/** The packets in each piece that arrives from the client, which a single write of a small size is. */
function record(socket: Socket): void {
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on('packet', (packet) => chunks.at(-1)!.push(packet));
  socket.on('data', (data) => {
    chunks.push([]);
    parser.parse(data);
  });
}

beforeEach(async () => {
  chunks = [];
  aedes = await Aedes.createBroker();
  server = createServer({ noDelay: true }, (socket) => {
    record(socket);
    aedes.handle(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  client = connect(`mqtt://127.0.0.1:${port}`, { clientId: 'service', clean: false, keepalive: 1 });
  await happens('connect');
  await client.subscribeAsync('in', { qos: 1 });
});
afterEach(async () => {
  await client.endAsync(true);
  await new Promise<void>((resolve) => aedes.close(() => resolve()));
  server.close();
});

const send = (payload: string) =>
  new Promise<void>((resolve, reject) =>
    aedes.publish({ cmd: 'publish', topic: 'in', payload, qos: 1, retain: false, dup: false }, (error) =>
      error ? reject(error) : resolve(),
    ),
  );
const happens = (event: 'connect' | 'close') =>
  new Promise<void>((resolve) => client.once(event, () => resolve()));
const packets = () => chunks.flat();
const pubacks = () => packets().flatMap((packet) => (packet.cmd === 'puback' ? [packet.messageId] : []));
const sendPuback = (messageId: number) =>
  (client as unknown as { _sendPacket(packet: object): void })._sendPacket({
    cmd: 'puback',
    messageId,
    reasonCode: 0,
  });

describe('mqtt 5.16.0', () => {
  it('is the version whose behaviour is pinned here', () => {
    const manifest = createRequire(import.meta.url).resolve('mqtt/package.json');
    expect(JSON.parse(readFileSync(manifest, 'utf8'))).toMatchObject({ version: '5.16.0' });
  });

  it('emits a message before it asks whether to acknowledge, and neither acknowledges nor stops reading on an error', async () => {
    const steps: string[] = [];
    client.on('message', (_topic, payload) => steps.push(`message ${payload}`));
    client.handleMessage = ({ payload }, done) => {
      steps.push(`handle ${payload}`);
      done(new Error('later'));
    };
    await send('1');
    await send('2');
    await expect.poll(() => steps).toEqual(['message 1', 'handle 1', 'message 2', 'handle 2']);
    await expect
      .poll(() => packets().filter(({ cmd }) => cmd === 'pingreq').length, { timeout: 5_000 })
      .toBeGreaterThan(1);
    expect(client.connected).toBe(true);
    expect(pubacks()).toEqual([]);
  });

  it('sends a PUBACK that is given to it later', async () => {
    const ids: number[] = [];
    client.handleMessage = ({ messageId }, done) => {
      ids.push(messageId!);
      done(new Error('later'));
    };
    await send('1');
    await send('2');
    await expect.poll(() => ids.length).toBe(2);
    ids.forEach(sendPuback);
    await expect.poll(pubacks).toEqual(ids);
  });

  it.each([0, 1] as const)('sends event, PUBACK and a reply of QoS %i in one write', async (qos) => {
    client.handleMessage = ({ messageId }, done) => {
      done(new Error('later'));
      client.publish('event', 'e', { qos: 1 });
      sendPuback(messageId!);
      client.publish('reply', 'r', { qos });
    };
    await send('1');
    const withPuback = () => chunks.find((chunk) => chunk.some(({ cmd }) => cmd === 'puback'));
    await expect.poll(withPuback).toBeDefined();
    expect(withPuback()!.map((packet) => (packet.cmd === 'publish' ? packet.topic : packet.cmd))).toEqual([
      'event',
      'puback',
      'reply',
    ]);
  });

  it('sends what the broker has not acknowledged again, in the order of sending, from the store it was given', async () => {
    client.outgoingStore = new SentPackets();
    client.options.reconnectPeriod = 10;
    const acknowledged: string[] = [];
    for (const topic of ['a', 'b', 'c'])
      client.publish(topic, '', { qos: 1 }, () => acknowledged.push(topic));
    client.stream.destroy();
    await happens('close');
    const before = chunks.length;
    await expect.poll(() => acknowledged).toEqual(['a', 'b', 'c']);
    const again = chunks.slice(before).flat();
    expect(again.flatMap((packet) => (packet.cmd === 'publish' ? [packet.topic] : []))).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(client.outgoingStore.createStream().read(1)).toBeNull();
  });

  it('keeps a PUBACK of a broken connection for the next one, which is why none is given to it then', async () => {
    client.handleMessage = (_packet, done) => done(new Error('later'));
    client.options.reconnectPeriod = 10;
    client.stream.destroy();
    await happens('close');
    const before = chunks.length;
    sendPuback(77);
    await happens('connect');
    await expect
      .poll(() =>
        chunks
          .slice(before)
          .flat()
          .map(({ cmd }) => cmd),
      )
      .toContain('puback');
  });
});
