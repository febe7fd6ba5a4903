import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from './support/raw-client.js';
import { ADMIN, connectRawAdmin, SAMPLE_DEVICE, TestService } from './support/service.js';

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service?.stop());

const connectAdmin = (clientId: string, options?: object) =>
  connectRawAdmin(service.mqttUrl, clientId, options);

const subscriptions = (count: number, of: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => ({ topic: of(i), qos: 1 as const }));

describe('one connection', () => {
  it.each([
    ['clean', true],
    ['stored', false],
  ])('holds 1,000 filters, the next are answered 128 (%s session)', async (_, clean) => {
    const clientId = `filters-${clean}`;
    const client = await connectAdmin(clientId, { clean });
    client.write({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: subscriptions(1_024, (i) => `dh/response/a${i}@${clientId}`),
    });
    const { granted } = await client.packet('suback');
    expect(granted).toEqual([...Array(1_000).fill(1), ...Array(24).fill(128)]);
    client.write({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [`dh/response/a0@${clientId}`] });
    await client.packet('unsuback');
    await client.subscribe(`dh/response/foo@${clientId}`, 1);
    client.publish('{"action":"foo"}');
    await client.packet('publish');
    client.end();
  });

  it('gets no filter over 1 kB', async () => {
    const client = await connectAdmin('long-filter');
    client.write({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: subscriptions(1, () => `x${'y'.repeat(1_024)}`),
    });
    expect((await client.packet('suback')).granted).toEqual([128]);
    client.end();
  });

  it('may send much before its CONNACK', async () => {
    const client = await RawClient.open(service.mqttUrl);
    client.socket.cork();
    client.write({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: 'hasty',
      keepalive: 0,
      username: ADMIN.username,
      password: Buffer.from(ADMIN.password),
    });
    client.write({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: 'dh/response/foo@hasty', qos: 1 }],
    });
    for (let i = 0; i < 200; i++) client.publish('{"action":"foo"}');
    client.socket.uncork();
    await client.until(() => client.packets.filter(({ cmd }) => cmd === 'publish').length === 200);
    expect(client.closed).toBe(false);
    client.end();
  });

  it('that reads gets replies of any size, however many it pipelines', async () => {
    const client = await service.connectAdmin();
    const big = { text: 'x'.repeat(900_000) };
    const { command } = await client.request('command/insert', {
      deviceId: SAMPLE_DEVICE,
      command: { result: big },
    });
    await client.request('command/update', {
      deviceId: SAMPLE_DEVICE,
      commandId: command.id,
      command: { parameters: big },
    });
    const get = () => client.request('command/get', { deviceId: SAMPLE_DEVICE, commandId: command.id });
    const replies = await Promise.all(Array.from({ length: 12 }, get));
    expect(replies.map(({ status }) => status)).toEqual(Array(12).fill('success'));
  });

  it('that repeats a message id while it is in work has one request', async () => {
    const client = await connectAdmin('repeats');
    await client.subscribe('dh/response/command/insert@repeats');
    const payload = JSON.stringify({
      action: 'command/insert',
      deviceId: SAMPLE_DEVICE,
      command: { command: 'twice' },
    });
    for (const qos of [2, 1] as const) {
      client.socket.cork();
      client.publish(payload, { qos, messageId: 7 });
      client.publish(payload, { qos, messageId: 7 });
      client.publish('{"action":"foo"}', { qos: 1, messageId: 8 + qos });
      client.socket.uncork();
      await client.packet('puback', ({ messageId }) => messageId === 8 + qos);
    }
    expect(await service.sql(`SELECT id FROM device_command WHERE command = 'twice'`)).toHaveLength(2);
    client.end();
  });

  it('with a will of QoS 3 is not let in', async () => {
    const client = await RawClient.open(service.mqttUrl);
    const text = (value: string) => [0, value.length, ...Buffer.from(value)];
    const body = [...text('MQTT'), 4, 0b0001_1110, 0, 0, ...text('c'), ...text('t'), ...text('m')];
    client.socket.write(Buffer.from([0x10, body.length, ...body]));
    await client.until(() => client.closed);
    expect(client.packets.filter((packet) => packet.cmd === 'connack' && packet.returnCode === 0)).toEqual(
      [],
    );
  });

  it('cannot log in with a name that no account can have', async () => {
    for (const username of ['a\0b', 'x'.repeat(1_000_000).slice(0, 60_000)]) {
      const client = await RawClient.connect(service.mqttUrl, { username, password: Buffer.from('x') });
      expect(client.packets).toMatchObject([{ cmd: 'connack', returnCode: 5 }]);
    }
  });
});

describe('the session of a stranger', () => {
  it('is not kept, and that of a client which authenticated is', async () => {
    for (const [clientId, sessionPresent] of [
      ['stranger', false],
      ['known', true],
    ] as const) {
      const first =
        clientId === 'known'
          ? await connectAdmin(clientId, { clean: false })
          : await RawClient.connect(service.mqttUrl, { clientId, clean: false });
      await first.subscribe(`dh/response/foo@${clientId}`);
      first.write({ cmd: 'disconnect' });
      await first.until(() => first.closed);
      const second = await RawClient.connect(service.mqttUrl, { clientId, clean: false });
      expect(second.packets[0]).toMatchObject({ cmd: 'connack', sessionPresent });
      second.end();
    }
  });

  it('leaves nothing behind for a clean client that acknowledges what it never got', async () => {
    const client = await RawClient.connect(service.mqttUrl, { clientId: 'odd' });
    client.write({ cmd: 'puback', messageId: 1 });
    client.write({ cmd: 'pingreq' });
    await client.packet('pingresp');
    expect(client.closed).toBe(false);
    client.end();
  });
});

describe('retained messages outside dh/', () => {
  it('are kept for 1,000 topics, the others are delivered and not kept', async () => {
    const client = await service.connectAdmin();
    for (let i = 0; i < 1_010; i++) client.mqtt.publish(`kept/${i}`, 'x', { qos: 0, retain: true });
    await client.mqtt.publishAsync('kept/large', 'x'.repeat(70_000), { qos: 1, retain: true });
    await client.request('foo');
    const late = await service.connectAdmin();
    await late.subscribe('kept/#');
    await late.next(({ topic }) => topic === 'kept/999');
    await late.request('foo');
    expect(late.events()).toHaveLength(1_000);
  });
});
