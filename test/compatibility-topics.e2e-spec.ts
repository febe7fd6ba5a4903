import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { connectWith } from './support/compatibility.js';
import { RawClient } from './support/raw-client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

const REFUSED = 128;

let service: TestService;
let client: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'two')`);
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id)
     VALUES ('in-two', 'in two', 2, 1), ('nomad', 'nomad', 1, 1)`,
  );
  client = await connectWith(service);
});
afterAll(() => service?.stop());

const publish = (by: TestClient, topic: string, payload = '{"forged":true}', retain = false) =>
  by.mqtt.publishAsync(topic, payload, { qos: 1, retain });
const insert = (name: string, deviceId = SAMPLE_DEVICE) =>
  client.request('command/insert', { deviceId, command: { command: name } });

/** Topics of what came beside replies, once a message of the client's own has made its way. */
async function heard(by: TestClient): Promise<string[]> {
  await by.request('foo');
  return by.events().map(({ topic }) => topic);
}

/**
 * The device `nomad` tells something in network 1, then in network 2.
 * @param permission what it takes to hear it
 */
async function watchNomad(kind: string, permission: number, tell: () => Promise<unknown>) {
  const others = [4, 5, 6, 7, 8, 9].filter((id) => id !== permission);
  const watchers = {
    ofBoth: await connectWith(service, { a: [permission], n: ['1', '2'] }),
    ofTwo: await connectWith(service, { a: [permission], n: ['2'] }),
    withoutPermission: await connectWith(service, { a: others }),
  };
  for (const watcher of Object.values(watchers)) await watcher.subscribe(`dh/${kind}/+/+/+/#`);
  for (const network of [1, 2]) {
    await service.sql(`UPDATE device SET network_id = ${network} WHERE device_id = 'nomad'`);
    await tell();
  }
  const { ofBoth, ofTwo, withoutPermission } = watchers;
  await ofBoth.next(({ topic }) => topic.startsWith(`dh/${kind}/2/`));
  const qos = [...new Set(ofBoth.events().map(({ packet }) => packet.qos))];
  return {
    qos,
    ofBoth: await heard(ofBoth),
    ofTwo: await heard(ofTwo),
    none: await heard(withoutPermission),
  };
}

function whatNomadTells(kind: string) {
  const [one, two] = [1, 2].map((network) => `dh/${kind}/${network}/1/nomad/name`);
  return { qos: [1], ofBoth: [one, two], ofTwo: [two], none: [] };
}

describe('Topics', () => {
  it('PUBLISH `dh/request`, `dh/request/<anything>`', async () => {
    const anybody = await service.connect();
    for (const topic of ['dh/request', 'dh/request/x', 'dh/request/victim/1']) {
      await publish(anybody, topic, JSON.stringify({ action: 'foo', requestId: topic }));
      const { json } = await anybody.next((message) => message.json.requestId === topic);
      expect(json).toMatchObject({ code: 400, error: 'Illegal argument: foo' });
    }
  });

  it('SUBSCRIBE `dh/request`', async () => {
    const spy = await connectWith(service);
    for (const filter of ['dh/request', 'dh/request/#']) expect(await spy.subscribe(filter)).toBe(REFUSED);
    for (const filter of ['#', 'dh/#', '+/request']) expect(await spy.subscribe(filter)).toBe(1);
    await client.request('token', { login: 'nobody', password: 'secret' });
    expect(await heard(spy)).toEqual([]);
  });

  it('`dh/response/<action>@<client id>`', async () => {
    const clientId = 'not-authenticated';
    const raw = await RawClient.connect(service.mqttUrl, { clientId });
    await raw.subscribe('dh/response/#');
    raw.publish('{"action":"command/get"}');
    const { topic, payload } = await raw.packet('publish');
    expect(topic).toBe(`dh/response/command/get@${clientId}`);
    expect(JSON.parse(payload)).toMatchObject({ code: 401, error: 'Unauthorized' });
    raw.end();
    expect(await client.subscribe(`dh/response/command/get@${clientId}`)).toBe(REFUSED);
  });

  it('`dh/response/@<client id>`', async () => {
    for (const payload of ['not JSON', '[{"action":"x"}]', '{"action":null}', '{"action":"a@b"}']) {
      expect((await client.send(payload)).topic).toBe(`dh/response/@${client.id}`);
    }
  });

  it('`dh/command/<network>/<type>/<device>/<name>`', async () => {
    const heardBy = await watchNomad('command', 5, () => insert('name', 'nomad'));
    expect(heardBy).toEqual(whatNomadTells('command'));
  });

  it('`dh/command_update/<network>/<type>/<device>/<name>`', async () => {
    const { command } = await insert('name', 'nomad');
    const body = { deviceId: 'nomad', commandId: command.id, command: {} };
    const heardBy = await watchNomad('command_update', 5, () => client.request('command/update', body));
    expect(heardBy).toEqual(whatNomadTells('command_update'));
  });

  it('`dh/notification/<network>/<type>/<device>/<name>`', async () => {
    const body = { deviceId: 'nomad', notification: { notification: 'name' } };
    const heardBy = await watchNomad('notification', 4, () => client.request('notification/insert', body));
    expect(heardBy).toEqual(whatNomadTells('notification'));
  });

  it('event topic with `@<client id>`', async () => {
    const watcher = await connectWith(service);
    expect(await watcher.subscribe(`dh/command/+/+/+/private@${watcher.id}`)).toBe(1);
    expect(await watcher.subscribe('dh/command/+/+/+/private@other')).toBe(REFUSED);
    await insert('private');
    const { topic } = await watcher.next((message) => message.topic.startsWith('dh/command/'));
    expect(topic).toBe(`dh/command/1/1/${SAMPLE_DEVICE}/private@${watcher.id}`);
  });

  it('PUBLISH to other topics under `dh/`', async () => {
    const watcher = await connectWith(service);
    await watcher.subscribe('dh/#');
    const forger = await connectWith(service);
    const topics = ['dh/command/1/1/x/y', 'dh/notification/1/1/x/y', `dh/response/foo@${watcher.id}`, 'dh/x'];
    for (const topic of topics) await publish(forger, topic);
    await forger.request('foo');
    await watcher.request('foo');
    expect(watcher.messages.filter(({ text }) => text.includes('forged'))).toEqual([]);
    const told = service.logger.lines.filter((line) => line.includes(forger.id) && line.includes('dropped'));
    expect(told).toHaveLength(1);
  });

  it('names with `%`, `+`, `#`, `@`, control characters', async () => {
    const watcher = await connectWith(service);
    await watcher.subscribe('dh/command/#');
    const name = 'a/b%c+d#e@f\tg';
    await insert(name);
    const { topic, json } = await watcher.next((message) => message.topic.startsWith('dh/command/'));
    expect(topic).toBe(`dh/command/1/1/${SAMPLE_DEVICE}/a/b%25c%2Bd%23e%40f%09g`);
    expect(json.command.command).toBe(name);
  });

  it('topics outside `dh/`', async () => {
    const [anonymous, watcher] = [await service.connect(), await connectWith(service)];
    expect(await anonymous.subscribe('home/#')).toBe(REFUSED);
    expect(await watcher.subscribe('home/#')).toBe(1);
    await publish(anonymous, 'home/anonymous');
    await publish(client, 'home/known');
    await watcher.next(({ topic }) => topic === 'home/known');
    expect(await heard(watcher)).toEqual(['home/known']);
  });

  it('filters that do not start with `dh`, such as `#`', async () => {
    const watcher = await connectWith(service);
    for (const filter of ['#', '+/command/#']) expect(await watcher.subscribe(filter)).toBe(1);
    await insert('unheard');
    await publish(client, 'heard');
    await watcher.next(({ topic }) => topic === 'heard');
    expect(await heard(watcher)).toEqual(['heard']);
  });

  it('`$SYS/...`, `$share/...`', async () => {
    for (const filter of ['$SYS/#', '$SYS/x/heartbeat', '$share/group/home', '$share/group/dh/command/#']) {
      expect(await client.subscribe(filter)).toBe(REFUSED);
    }
  });

  it('a refused filter', async () => {
    const raw = await RawClient.connect(service.mqttUrl, { clientId: 'mixed' });
    const filters = ['dh/command/#', 'dh/response/foo@mixed', 'dh/request'];
    const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const }));
    raw.write({ cmd: 'subscribe', messageId: 1, subscriptions });
    expect((await raw.packet('suback')).granted).toEqual([REFUSED, 1, REFUSED]);
    raw.publish('{"action":"foo"}');
    expect(await raw.packet('publish')).toMatchObject({ topic: 'dh/response/foo@mixed' });
    raw.end();
  });

  it('retained messages under `dh/`', async () => {
    const request = { action: 'command/insert', deviceId: SAMPLE_DEVICE, command: { command: 'retained' } };
    const { json } = await client.send(JSON.stringify(request), { retain: true });
    expect(json).toMatchObject({ code: 400, error: 'Retained requests are not executed' });
    expect(await service.sql(`SELECT FROM device_command WHERE command = 'retained'`)).toEqual([]);
    await publish(client, 'dh/command/1/1/x/kept', '{}', true);
    const late = await connectWith(service);
    await late.subscribe('dh/#');
    expect(await heard(late)).toEqual([]);
  });
});
