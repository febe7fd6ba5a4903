import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { connectWith } from './support/compatibility.js';
import { RawClient } from './support/raw-client.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

const SUCCESS = { status: 'success' };
const UNAUTHORIZED = { code: 401, error: 'Unauthorized' };

let service: TestService;
let client: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  client = await connectWith(service);
});
afterAll(() => service?.stop());

const device = { deviceId: SAMPLE_DEVICE };
const insert = async (command: string, more: object = {}) =>
  (await client.request('command/insert', { ...device, command: { command, ...more } })).command;

/** The return code of CONNACK. */
async function connack(options: object): Promise<number | undefined> {
  const raw = await RawClient.connect(service.mqttUrl, options);
  const [packet] = raw.packets;
  raw.end();
  return packet?.cmd === 'connack' ? (packet.returnCode ?? packet.reasonCode) : undefined;
}

describe('Connecting', () => {
  it('MQTT 3.1, 3.1.1', async () => {
    expect(await connack({ protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'old' })).toBe(0);
    expect(await connack({ protocolId: 'MQTT', protocolVersion: 4 })).toBe(0);
  });

  it('MQTT 5', async () => {
    expect(await connack({ protocolVersion: 5 })).toBe(1);
  });

  it('CONNECT with login and password', async () => {
    expect(await connack({ username: ADMIN.username, password: Buffer.from('wrong') })).toBe(5);
    const session = await service.connectAdmin();
    expect(await session.request('device/get', device)).toMatchObject(SUCCESS);
  });

  it('CONNECT without them', async () => {
    const session = await service.connect();
    expect(await session.request('device/get', device)).toMatchObject(UNAUTHORIZED);
  });

  it('client id that is connected', async () => {
    const before = await connectWith(service, {}, { clientId: 'taken' });
    const closed = new Promise((resolve) => before.mqtt.once('close', () => resolve('closed')));
    const after = await service.connect({ clientId: 'taken' });
    expect(await closed).toBe('closed');
    expect(await after.request('device/get', device)).toMatchObject(UNAUTHORIZED);
  });

  it('client ids', async () => {
    const refused = ['a/b', 'a+b', 'a#', 'a\u0007b', 'x'.repeat(129), 'devicehive'];
    for (const clientId of refused) expect(await connack({ clientId })).toBe(2);
    for (const clientId of ['x'.repeat(128), 'user@example.com']) expect(await connack({ clientId })).toBe(0);
  });

  it('empty client id', async () => {
    expect(await connack({ clientId: '' })).toBe(0);
    const raw = await RawClient.open(service.mqttUrl);
    raw.socket.write(Buffer.from([0x10, 12, 0, 4, ...Buffer.from('MQTT'), 4, 0, 0, 0, 0, 0]));
    await raw.until(() => raw.closed);
    expect(raw.packets).toMatchObject([{ cmd: 'connack', returnCode: 2 }]);
  });

  it('`clean=false`', async () => {
    const options = { clientId: 'comes-back', clean: false };
    const before = await connectWith(service, {}, options);
    await before.subscribe('dh/command/#');
    await before.end();
    await insert('missed');
    const after = await service.connect(options);
    await after.request('foo');
    expect(after.events()).toEqual([]);
    await after.authenticate(signToken());
    await insert('live');
    await after.next(({ topic }) => topic.endsWith('/live'));
    expect(after.events().map(({ json }) => json.command.command)).toEqual(['missed', 'live']);
  });

  it('will under `dh/`', async () => {
    const watcher = await connectWith(service);
    for (const filter of ['dh/#', 'home/#']) await watcher.subscribe(filter);
    for (const topic of [`dh/command/1/1/${SAMPLE_DEVICE}/forged`, 'home/will']) {
      const will = { topic, payload: Buffer.from('{}'), qos: 1 as const };
      const leaving = await connectWith(service, {}, { clientId: `leaves-${topic.length}`, will });
      leaving.mqtt.stream.destroy();
    }
    await watcher.next(({ topic }) => topic === 'home/will');
    expect(watcher.events().map(({ topic }) => topic)).toEqual(['home/will']);
    expect(
      service.logger.lines.filter((line) => /its will on "dh\/command.*is dropped/.test(line)),
    ).toHaveLength(1);
  });

  /** The packets that answer a request of one QoS. */
  async function answerAt(qos: 0 | 1 | 2) {
    const raw = await RawClient.connect(service.mqttUrl, { clientId: `qos-${qos}` });
    await raw.subscribe('dh/response/#');
    const before = raw.packets.length;
    const request = {
      action: 'command/insert',
      token: signToken(),
      ...device,
      command: { command: `qos/${qos}` },
    };
    raw.publish(JSON.stringify(request), { qos, messageId: qos > 0 ? 7 : undefined });
    await raw.packet('publish');
    raw.end();
    return raw.packets.slice(before);
  }

  it('QoS of requests', async () => {
    const raw = await RawClient.connect(service.mqttUrl, { clientId: 'not-subscribed' });
    const request = {
      action: 'command/insert',
      token: signToken(),
      ...device,
      command: { command: 'committed' },
    };
    raw.publish(JSON.stringify(request), { qos: 1, messageId: 7 });
    expect(await raw.packet('puback')).toMatchObject({ messageId: 7 });
    expect(await service.sql(`SELECT FROM device_command WHERE command = 'committed'`)).toHaveLength(1);
    raw.end();
    expect((await answerAt(2)).map(({ cmd }) => cmd)).toEqual(['pubrec', 'publish']);
  });

  it('QoS of replies', async () => {
    for (const qos of [0, 1, 2] as const) {
      const [reply] = (await answerAt(qos)).filter(({ cmd }) => cmd === 'publish');
      expect(reply).toMatchObject({ qos: Math.min(qos, 1), retain: false });
    }
  });

  it('`token` beside `action`', async () => {
    const session = await service.connect();
    const get = (claims: object) => session.request('device/get', { ...device, token: signToken(claims) });
    expect(await get({})).toMatchObject(SUCCESS);
    await session.authenticate(signToken());
    expect(await get({ a: [5] })).toMatchObject({ code: 403, error: 'Access is denied' });
  });
});

describe('Requests', () => {
  it('`lifetime`', async () => {
    const options = { clientId: 'was-away', clean: false };
    const away = await connectWith(service, {}, options);
    await away.subscribe('dh/command/+/+/+/short/#');
    await away.end();
    const names = ['short/expired', 'short/expires', 'short/unlimited'];
    await insert(names[0]!, { timestamp: '2019-01-01T00:00:00', lifetime: 1 });
    const { timestamp } = await insert(names[1]!, { lifetime: 1 });
    await insert(names[2]!, { timestamp: '2019-01-01T00:00:00', lifetime: 0 });
    const end = Date.parse(`${timestamp}Z`) + 1_000;
    await expect.poll(() => Date.now(), { timeout: 5_000 }).toBeGreaterThan(end);
    const { commands } = await client.request('command/list', { ...device, names });
    expect(commands).toHaveLength(3);
    const asking = await connectWith(service);
    await asking.request('command/subscribe', { names, timestamp: '2018-12-31' });
    const back = await connectWith(service, {}, options);
    for (const watcher of [asking, back]) {
      await watcher.next(({ topic }) => topic.endsWith('/short/unlimited'));
      expect(watcher.events().map(({ json }) => json.command.command)).toEqual(['short/unlimited']);
    }
  });

  it('`subscriptionId` in events', async () => {
    const [native, asking] = [await connectWith(service), await connectWith(service)];
    await native.subscribe('dh/command/#');
    const { subscriptionId } = await asking.request('command/subscribe');
    await insert('numbered');
    const idIn = async (watcher: TestClient) =>
      (await watcher.next(({ topic }) => topic.endsWith('/numbered'))).json.subscriptionId;
    expect(subscriptionId).toBeGreaterThan(0);
    expect([await idIn(native), await idIn(asking)]).toEqual([0, subscriptionId]);
  });

  it('size', async () => {
    const { topic, json } = await client.send('{"action":"command/get"}'.padEnd(1_048_577));
    expect(topic).toBe(`dh/response/command/get@${client.id}`);
    expect(json).toMatchObject({ code: 413, error: 'Request is larger than 1048576 bytes' });
    const raw = await RawClient.connect(service.mqttUrl);
    raw.socket.write(Buffer.from([0x30, 0x81, 0x80, 0x80, 0x02])); // PUBLISH of 4 MB and a byte
    await raw.until(() => raw.closed);
    expect(raw.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
  });
});
