import type { Packet } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuiltInBroker } from '../src/broker/built-in-broker.js';
import { RawClient } from './support/raw-client.js';
import { connectRawAdmin, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service?.stop());

const connectAdmin = (clientId: string, options?: object) =>
  connectRawAdmin(service.mqttUrl, clientId, options);

const update = (commandId: number, status: string, requestId: unknown = status) =>
  JSON.stringify({
    action: 'command/update',
    requestId,
    deviceId: SAMPLE_DEVICE,
    commandId,
    command: { status },
  });

const shape = (packet: Packet) =>
  packet.cmd === 'publish' ? `${packet.topic.split('/')[1]} q${packet.qos}` : packet.cmd;

describe('a QoS 1 request', () => {
  it('is followed by event, PUBACK and reply in this order, for a device that watches itself', async () => {
    const device = await connectAdmin('watches-itself');
    await device.subscribe('dh/command_update/#', 1);
    await device.subscribe('dh/response/command/update@watches-itself', 1);
    const id = await service.insertCommand();
    const before = device.packets.length;
    for (let i = 1; i <= 20; i++) device.publish(update(id, `s${i}`), { qos: 1, messageId: i });
    await device.until(() => device.packets.length >= before + 60);
    const seen = device.packets.slice(before);
    // Events run ahead of the acknowledgements of later requests; per request the order holds.
    for (let i = 1; i <= 20; i++) {
      const at = (fits: (packet: any) => boolean) => seen.findIndex(fits);
      const text = (packet: any) => (packet.cmd === 'publish' ? packet.payload.toString() : '');
      const event = at(
        (p) => p.topic?.startsWith('dh/command_update') && text(p).includes(`"status":"s${i}"`),
      );
      const puback = at((p) => p.cmd === 'puback' && p.messageId === i);
      const reply = at((p) => p.topic?.startsWith('dh/response') && text(p).includes(`"requestId":"s${i}"`));
      expect([event >= 0, event < puback, puback < reply]).toEqual([true, true, true]);
    }
    device.end();
  });

  it('is acknowledged after its row is committed', async () => {
    const device = await connectAdmin('after-commit');
    const id = await service.insertCommand();
    device.publish(update(id, 'committed'), { qos: 1, messageId: 1 });
    await device.packet('puback');
    expect(await service.command(id)).toMatchObject({ status: 'committed' });
    device.end();
  });

  it('that is refused is acknowledged too, with its one error', async () => {
    const device = await RawClient.connect(service.mqttUrl, { clientId: 'refused' });
    await device.subscribe('dh/response/command/update@refused', 1);
    device.publish(update(1, 'x'), { qos: 1, messageId: 7 });
    const reply = await device.packet('publish');
    expect(device.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'suback', 'puback', 'publish']);
    expect(JSON.parse(reply.payload.toString())).toMatchObject({ code: 401 });
    device.end();
  });

  it('of a device that is not subscribed to its replies is acknowledged all the same', async () => {
    const device = await connectAdmin('not-subscribed');
    device.publish('{"action":"foo"}', { qos: 1, messageId: 7 });
    expect(await device.packet('puback')).toMatchObject({ messageId: 7 });
    device.end();
  });

  it('that comes with others is acknowledged in the order of arrival', async () => {
    const device = await connectAdmin('in-order');
    const ids = await Promise.all(Array.from({ length: 8 }, () => service.insertCommand()));
    for (let i = 0; i < 200; i++) device.publish(update(ids[i % 8]!, `s${i}`), { qos: 1, messageId: i + 1 });
    await device.packet('puback', ({ messageId }) => messageId === 200);
    const acknowledged = device.packets.flatMap((p) => (p.cmd === 'puback' ? [p.messageId] : []));
    expect(acknowledged).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    device.end();
  });

  it('updates one command in the order of arrival', async () => {
    const device = await connectAdmin('one-command');
    const watcher = await service.connectAdmin();
    await watcher.subscribe('dh/command_update/#');
    const id = await service.insertCommand();
    for (let i = 1; i <= 200; i++) device.publish(update(id, `n${i}`), { qos: 1, messageId: i });
    await device.packet('puback', ({ messageId }) => messageId === 200);
    await watcher.next(({ json }) => json.command?.id === id && json.command.status === 'n200');
    const events = watcher.events().filter(({ json }) => json.command.id === id);
    expect(events.map(({ json }) => json.command.status)).toEqual(
      Array.from({ length: 200 }, (_, i) => `n${i + 1}`),
    );
    const versions = events.map(({ json }) => json.command.lastUpdated as string);
    expect(versions).toEqual([...new Set(versions)].toSorted());
    expect(await service.command(id)).toMatchObject({ status: 'n200' });
    device.end();
  });
});

describe('a device that pipelines more than is in work at a time', () => {
  it('is read to the end, and goes on to be served', async () => {
    const total = 5_000;
    const device = await connectAdmin('pipelines', { keepalive: 30 });
    await device.subscribe('dh/response/foo@pipelines', 0);
    for (let i = 1; i <= total; i++) device.publish('{"action":"foo"}', { qos: 1, messageId: i });
    await device.packet('puback', ({ messageId }) => messageId === total);
    const acknowledged = device.packets.flatMap((p) => (p.cmd === 'puback' ? [p.messageId] : []));
    expect(acknowledged).toEqual(Array.from({ length: total }, (_, i) => i + 1));
    device.write({ cmd: 'pingreq' });
    await device.packet('pingresp');
    device.publish('{"action":"bar"}', { qos: 1, messageId: 1 });
    await device.until(() => device.packets.filter(({ cmd }) => cmd === 'puback').length === total + 1);
    device.end();
  });
});

describe('the QoS of a request', () => {
  it.each([
    [0, 'publish', 0],
    [1, 'puback', 1],
    [2, 'pubrec', 1],
  ] as const)('%i is answered with %s first, and with a reply of QoS %i', async (qos, first, replyQos) => {
    const clientId = `qos-${qos}`;
    const device = await connectAdmin(clientId);
    await device.subscribe(`dh/response/foo@${clientId}`, 1);
    const before = device.packets.length;
    device.publish('{"action":"foo"}', { qos, messageId: qos > 0 ? 5 : undefined });
    await device.packet('publish');
    expect(shape(device.packets[before]!)).toBe(first === 'publish' ? 'response q0' : first);
    expect((await device.packet('publish')).qos).toBe(replyQos);
    if (qos === 2) {
      device.write({ cmd: 'pubrel', messageId: 5 });
      expect(await device.packet('pubcomp')).toMatchObject({ messageId: 5 });
    }
    device.end();
  });

  it('does not raise the reply above the QoS of the subscription', async () => {
    const device = await connectAdmin('subscribed-at-0');
    await device.subscribe('dh/response/foo@subscribed-at-0', 0);
    device.publish('{"action":"foo"}', { qos: 1, messageId: 5 });
    expect((await device.packet('publish')).qos).toBe(0);
    device.end();
  });
});

describe('a reply', () => {
  it('comes once, also to overlapping subscriptions', async () => {
    const device = await connectAdmin('overlapping');
    for (const filter of ['dh/response/#', 'dh/response/foo@overlapping', 'dh/#'])
      await device.subscribe(filter);
    device.publish('{"action":"foo","requestId":1}');
    device.publish('{"action":"foo","requestId":2}');
    await device.packet('publish', ({ payload }) => payload.includes('"requestId":2'));
    expect(device.packets.filter(({ cmd }) => cmd === 'publish')).toHaveLength(2);
    device.end();
  });
});

describe('a connection', () => {
  it('is served while another one does not read what it gets', async () => {
    const deaf = await connectAdmin('deaf');
    await deaf.subscribe('dh/command/#', 1);
    deaf.socket.pause();
    const device = await service.connectAdmin();
    const command = { command: 'big', parameters: { text: 'x'.repeat(200_000) } };
    const insert = () => device.request('command/insert', { deviceId: SAMPLE_DEVICE, command });
    const slowest: number[] = [];
    for (let i = 0; i < 100; i++) {
      const start = performance.now();
      expect(await insert()).toMatchObject({ status: 'success' });
      slowest.push(performance.now() - start);
    }
    expect(Math.max(...slowest)).toBeLessThan(2_000);
    const { aedes } = service.app.get(BuiltInBroker) as unknown as { aedes: { clients: object } };
    await expect.poll(() => 'deaf' in aedes.clients, { timeout: 5_000 }).toBe(false);
    deaf.end();
  });

  it('that announces a packet over four times the limit is cut off at the header', async () => {
    const client = await connectAdmin('announces');
    const header = Buffer.from([0x30, 0x81, 0x80, 0x80, 0x02]); // PUBLISH, 4 MB + 1 byte
    client.socket.write(header);
    await client.until(() => client.closed);
    expect(client.closed).toBe(true);
  });

  it('may announce one within four times the limit', async () => {
    const client = await service.connectAdmin();
    const reply = await client.send(Buffer.alloc(4 * 1_048_576 - 64, 0x20));
    expect(reply.json).toMatchObject({ code: 413 });
  });

  it('that repeats a request after a lost acknowledgement is answered again', async () => {
    const id = await service.insertCommand();
    for (const clientId of ['returns', 'returns']) {
      const device = await connectAdmin(clientId);
      device.write({
        cmd: 'publish',
        topic: 'dh/request',
        payload: update(id, 'again'),
        qos: 1,
        messageId: 3,
        retain: false,
        dup: true,
      });
      await device.packet('puback');
      device.end();
    }
    expect(await service.command(id)).toMatchObject({ status: 'again' });
  });
});

describe('MAX_IN_FLIGHT', () => {
  it('refuses QoS 0 beyond it with 503, and lets QoS 1 wait', async () => {
    const small = await TestService.start({ MAX_IN_FLIGHT: '2' });
    try {
      const token = signToken();
      const id = await small.insertCommand();
      const request = (requestId: string) => JSON.stringify({ ...JSON.parse(update(id, requestId)), token });
      const device = await RawClient.connect(small.mqttUrl, { clientId: 'many' });
      await device.subscribe('dh/response/command/update@many', 1);
      for (let i = 1; i <= 50; i++) device.publish(request(`q1-${i}`), { qos: 1, messageId: i });
      for (let i = 1; i <= 50; i++) device.publish(request(`q0-${i}`));
      await device.until(() => device.packets.filter(({ cmd }) => cmd === 'publish').length === 100);
      const replies = device.packets.flatMap((p) =>
        p.cmd === 'publish' ? [JSON.parse(p.payload.toString()) as Record<string, string>] : [],
      );
      const ofKind = (kind: string) => replies.filter(({ requestId }) => requestId!.startsWith(kind));
      expect(ofKind('q1').every(({ status }) => status === 'success')).toBe(true);
      const refused = ofKind('q0').filter(({ status }) => status === 'error');
      expect(refused.length).toBeGreaterThan(0);
      for (const reply of refused) {
        expect(reply).toMatchObject({ code: 503, error: 'Service is overloaded, try again' });
      }
      device.end();
    } finally {
      await small.stop();
    }
  });

  it('has clients take turns: one that sends 40 requests at once does not hold up another one', async () => {
    const small = await TestService.start({ MAX_IN_FLIGHT: '1' });
    try {
      const [eager, quiet] = await Promise.all(
        ['eager', 'quiet'].map((clientId) => connectRawAdmin(small.mqttUrl, clientId)),
      );
      const acknowledged = () => eager!.packets.filter(({ cmd }) => cmd === 'puback').length;
      const id = await small.insertCommand();
      const { unlock } = await small.lock(id);
      for (let i = 1; i <= 40; i++) eager!.publish(update(id, `e${i}`), { qos: 1, messageId: i });
      quiet!.publish(update(id, 'q'), { qos: 1, messageId: 1 });
      // What came before its answer has arrived.
      await quiet!.subscribe('dh/response/#', 1);
      await eager!.subscribe('dh/response/#', 1);
      await unlock();
      await quiet!.packet('puback');
      expect(acknowledged()).toBeLessThan(10);
      await eager!.until(() => acknowledged() === 40);
      [eager, quiet].forEach((client) => client!.end());
    } finally {
      await small.stop();
    }
  });
});
