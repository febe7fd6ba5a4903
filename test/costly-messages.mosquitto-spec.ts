import { connect, connectAsync } from 'mqtt';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Outgoing } from '../src/transport/link/outgoing.js';
import { TestClient } from './support/client.js';
import { letWatch, Mosquitto } from './support/mosquitto.js';
import { hasNats, Nats } from './support/nats.js';
import { connectOn, serviceOn } from './support/on-mosquitto.js';
import { MqttProxy } from './support/proxy.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

/** Messages that the broker, or the service's own side, cannot carry: each may cost itself, and not the connection. */
const insert = (command: object) => ({ token: signToken(), deviceId: SAMPLE_DEVICE, command });
const linesOf = (service: TestService, text: string) =>
  service.logger.lines.filter((line) => line.includes(text));

describe('an event with a lifetime, on a broker with MQTT 5', () => {
  let broker: Mosquitto;
  let proxy: MqttProxy;
  let service: TestService;
  let alice: TestClient;

  beforeAll(async () => {
    broker = await Mosquitto.start({ users: ['alice', 'away'], acl: letWatch('alice', 'away') });
    proxy = await MqttProxy.start(broker.url);
    service = await TestService.start(serviceOn(broker, proxy.url));
    alice = await connectOn(broker, 'alice');
    await alice.subscribe('dh/command/#');
  });
  afterAll(async () => {
    await alice?.end();
    await service?.stop();
    await proxy?.stop();
    await broker?.stop();
  });

  const connects = () => proxy.packets.filter(({ packet }) => packet.cmd === 'connect').length;
  const expiryOf = (name: string) =>
    proxy.packets.flatMap(({ direction, packet }) =>
      direction === 'toBroker' && packet.cmd === 'publish' && packet.topic.endsWith(`/${name}`)
        ? [packet.properties?.messageExpiryInterval]
        : [],
    );

  it.each([
    [
      'that ends in the year 10068',
      'far',
      { timestamp: '9999-12-31T23:59:59.999', lifetime: 2 ** 31 - 1 },
      2 ** 32 - 1,
    ],
    ['that ended before 1970', 'past', { timestamp: '0001-01-01T00:00:00', lifetime: 1 }, 1],
  ])(
    '%s reaches a subscriber that is online, and costs no connection',
    async (_, command, fields, expiry) => {
      const reply = await alice.request('command/insert', insert({ command, ...fields }));
      expect(reply).toMatchObject({ status: 'success' });
      await alice.next(({ topic }) => topic.endsWith(`/${command}`));
      expect(expiryOf(command)).toEqual([expiry]);
      expect(connects()).toBe(1);
    },
  );

  it('that is over is not kept for a client that is away, as one without an end is', async () => {
    const session = { clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 60 } } as const;
    const options = { ...broker.login('away'), ...session };
    const before = await connectAsync(broker.url, options);
    await before.subscribeAsync('dh/command/#', { qos: 1 });
    await before.endAsync();
    const over = { timestamp: '2001-01-01T00:00:00', lifetime: 1 };
    await alice.request('command/insert', insert({ command: 'kept/over', ...over }));
    const sentAt = Date.now();
    await alice.request('command/insert', insert({ command: 'kept/endless' }));
    // Mosquitto counts in whole seconds.
    await expect.poll(() => Date.now() - sentAt, { timeout: 5_000 }).toBeGreaterThan(2_000);
    const after = connect(broker.url, options);
    const arrived: string[] = [];
    after.on('message', (topic) => arrived.push(topic.slice(topic.indexOf('kept'))));
    await expect.poll(() => arrived).toEqual(['kept/endless']);
    await after.endAsync();
  });
});

describe('a message that MQTT.js cannot write', () => {
  it('is not sent again, and those before and after it arrive', async () => {
    const broker = await Mosquitto.start({ open: true });
    const reader = await connectAsync(broker.url);
    const arrived: string[] = [];
    reader.on('message', (topic) => arrived.push(topic));
    await reader.subscribeAsync('#', { qos: 1 });
    const mqtt = await connectAsync(broker.url, {
      clientId: 'service',
      protocolVersion: 5,
      clean: false,
      reconnectPeriod: 20,
    });
    let connects = 0;
    mqtt.on('connect', () => connects++);
    try {
      const outgoing = new Outgoing(mqtt, () => {});
      // It knows of connections from their beginning.
      mqtt.stream.destroy();
      await expect.poll(() => connects).toBe(1);
      outgoing.publish('first', '{}', 1);
      outgoing.publish('unwritable', '{}', 1, { messageExpiryInterval: 2 ** 32 });
      outgoing.publish('last', '{}', 1);
      await outgoing.flushed();
      await expect.poll(() => connects).toBe(2);
      outgoing.publish('x'.repeat(65_536), '{}', 1);
      outgoing.publish('data', '{}', 0, { correlationData: Buffer.alloc(65_536) });
      outgoing.publish('after', '{}', 1);
      await outgoing.flushed();
      await expect.poll(() => arrived).toEqual(['first', 'last', 'after']);
      expect(connects).toBe(2);
    } finally {
      await mqtt.endAsync(true);
      await reader.endAsync(true);
      await broker.stop();
    }
  });
});

describe.skipIf(!hasNats)(
  'NATS, which ends a connection over a topic with a space and does not say why',
  () => {
    let broker: Nats;
    let proxy: MqttProxy;
    let service: TestService;
    let alice: TestClient;

    beforeEach(async () => {
      broker = await Nats.start();
      proxy = await MqttProxy.start(broker.url);
      service = await TestService.start({ MQTT_URL: proxy.url });
      alice = await connect('alice');
      await alice.subscribe('dh/command/#');
    });
    afterEach(async () => {
      await alice?.end();
      await service?.stop();
      await proxy?.stop();
      await broker?.stop();
    });

    const connect = (clientId: string) =>
      TestClient.connect(broker.url, { clientId, requestTopic: `dh/request/${clientId}` });
    const connects = () => proxy.packets.filter(({ packet }) => packet.cmd === 'connack').length;

    it('costs a few connections for the first command of that name, and none for the next', async () => {
      const bob = await connect('bob');
      expect(await bob.request('command/insert', insert({ command: 'before' }))).toMatchObject({
        status: 'success',
      });
      const before = connects();
      const spaced = { action: 'command/insert', ...insert({ command: 'turn on', parameters: { a: 1 } }) };
      await alice.mqtt.publishAsync('dh/request/alice', JSON.stringify(spaced), { qos: 1 });
      await expect.poll(() => broker.endedOverTopics).toBeGreaterThan(0);
      const other = { action: 'command/insert', ...insert({ command: 'other' }) };
      await bob.mqtt.publishAsync('dh/request/bob', JSON.stringify(other), { qos: 1 });
      const topics = () => alice.messages.map(({ topic }) => topic.split('/').at(-1));
      await expect
        .poll(topics, { timeout: 30_000, interval: 50 })
        .toEqual(expect.arrayContaining(['other', 'insert@alice']));
      expect(connects() - before).toBeLessThanOrEqual(6);
      expect(linesOf(service, 'The broker ends each connection over a message on')).toHaveLength(1);
      const after = connects();
      for (const a of [2, 3, 4]) {
        const again = insert({ command: 'turn on', parameters: { a } });
        expect(await alice.request('command/insert', again)).toMatchObject({ status: 'success' });
      }
      expect(connects()).toBe(after);
      expect(linesOf(service, 'is not sent: the broker cannot carry it')).toHaveLength(1);
      await bob.end();
    }, 60_000);

    it('costs at most three connections each for further such commands that come together', async () => {
      const before = connects();
      const names = Array.from({ length: 10 }, (_, i) => `bad ${i}`);
      for (const command of [...names, 'good']) {
        const request = { action: 'command/insert', requestId: command, ...insert({ command }) };
        await alice.mqtt.publishAsync('dh/request/alice', JSON.stringify(request), { qos: 1 });
      }
      // Replies may come twice: NATS ends a connection before it has acknowledged all that came over it.
      const replies = () => new Set(alice.messages.map(({ json }) => json.requestId).filter(Boolean)).size;
      await expect.poll(replies, { timeout: 60_000, interval: 50 }).toBe(names.length + 1);
      const dropped = () => linesOf(service, 'The broker ends each connection over a message on').length;
      await expect.poll(dropped, { timeout: 30_000, interval: 50 }).toBe(names.length);
      await alice.next(({ topic }) => topic.endsWith('/good'));
      expect(connects() - before).toBeLessThanOrEqual(3 * names.length + 4);
    }, 110_000);

    it('loses no event over a network that cuts each connection as soon as it stands', async () => {
      let cuts = 0;
      const cutAtOnce = (direction: string, { cmd }: { cmd: string }) => {
        if (direction === 'toClient' && cmd === 'connack' && cuts++ < 8) setImmediate(() => proxy.cut());
        return false;
      };
      // What the service sends over such a connection is lost with it.
      proxy.drop = (direction, { cmd }) => direction === 'toBroker' && cmd === 'publish';
      const request = JSON.stringify({ action: 'command/insert', ...insert({ command: 'patient' }) });
      await alice.mqtt.publishAsync('dh/request/alice', request, { qos: 1 });
      await expect.poll(() => proxy.packets.some(({ isDropped }) => isDropped)).toBe(true);
      proxy.drop = cutAtOnce;
      proxy.cut();
      const topics = () => alice.messages.map(({ topic }) => topic.split('/').at(-1));
      await expect.poll(topics, { timeout: 50_000, interval: 100 }).toEqual(['patient', 'insert@alice']);
      expect(cuts).toBeGreaterThan(8);
      expect(linesOf(service, 'is not sent')).toEqual([]);
    }, 60_000);
  },
);

describe('a broker with MQTT 3.1.1, which cannot tell its Maximum Packet Size', () => {
  it('costs a few connections for the first reply that is larger, and 413 for the next', async () => {
    const edit = (conf: string) => conf.replace(/^max_packet_size.*$/m, 'max_packet_size 20000');
    const broker = await Mosquitto.start({ users: ['alice'], edit });
    const proxy = await MqttProxy.start(broker.url);
    // Unsupported Protocol Version, to which the service answers with MQTT 3.1.1.
    proxy.rewrite = (_direction, packet) =>
      packet.cmd === 'connack' && packet.reasonCode === 0 ? { ...packet, reasonCode: 132 } : packet;
    const service = await TestService.start(serviceOn(broker, proxy.url));
    const alice = await connectOn(broker, 'alice');
    try {
      expect(linesOf(service, 'with MQTT 3.1.1, ')).toHaveLength(1);
      const commandId = await service.insertCommand();
      const parameters = JSON.stringify({ text: 'x'.repeat(30_000) });
      await service.sql('UPDATE device_command SET parameters = $2 WHERE id = $1', [commandId, parameters]);
      const body = { token: signToken(), deviceId: SAMPLE_DEVICE, commandId };
      const request = JSON.stringify({ action: 'command/get', ...body });
      await alice.mqtt.publishAsync('dh/request/alice', request, { qos: 1 });
      const dropped = () => linesOf(service, 'The broker ends each connection over a message on').length;
      await expect.poll(dropped, { timeout: 30_000, interval: 50 }).toBe(1);
      const connects = () => proxy.packets.filter(({ packet }) => packet.cmd === 'connack').length;
      const isReady = async () => (await fetch(`${service.httpUrl}/health/ready`)).ok;
      await expect.poll(isReady, { timeout: 10_000 }).toBe(true);
      const before = connects();
      expect(await alice.request('command/get', body)).toMatchObject({
        code: 413,
        error: 'Reply is larger than the broker takes',
      });
      expect(await alice.request('command/get')).toMatchObject({ code: 401 });
      expect(connects()).toBe(before);
    } finally {
      await alice.end();
      await service.stop();
      await proxy.stop();
      await broker.stop();
    }
  }, 60_000);
});
