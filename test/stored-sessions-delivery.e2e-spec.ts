import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventPublisher } from '../src/transport/event-publisher.js';
import type { TestClient } from './support/client.js';
import { ignoreEvents } from './support/described-traffic.js';
import { connectRawAdmin, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

ignoreEvents();

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'Two'), (3, 'Three')`);
  await service.sql(`INSERT INTO device_type (id, name) VALUES (2, 'Two'), (3, 'Three')`);
  await service.sql(`INSERT INTO dh_user (id, login, password_hash, role) VALUES (60, 'member', '', 1)`);
  await service.sql('INSERT INTO user_network VALUES (60, 1), (60, 2), (60, 3)');
});
afterAll(() => service?.stop());

/** An event on `dh/command/<place>/<place>/<device>/<name>`, as the command actions publish it. */
function publish(name: string, id = 0, place = 1): void {
  const subject = { networkId: place, deviceTypeId: place, deviceId: SAMPLE_DEVICE };
  const payload = { action: 'command/insert', command: { id }, subscriptionId: 0 };
  service.app.get(EventPublisher).publish('command', subject, name, payload);
}

function publishAll(name: string, from: number, to: number): void {
  for (let id = from; id < to; id++) publish(`${name}/${id}`, id);
}

/** Events come after it has authenticated, so none is missed between CONNACK and the first listener. */
async function connect(clientId: string, claims: object = {}): Promise<TestClient> {
  const client = await service.connect({ clientId, clean: false });
  await client.authenticate(signToken(claims));
  return client;
}

/** A client that has subscribed and is gone. */
async function leave(clientId: string, filters: string[], claims: object = {}): Promise<void> {
  const client = await connect(clientId, claims);
  for (const filter of filters) expect(await client.subscribe(filter)).toBe(1);
  await client.end();
}

const idsOf = (client: TestClient) => client.events().map(({ json }) => json.command.id as number);
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Behind the device: network and name. */
const shortTopicsOf = (client: TestClient) =>
  client.events().map(({ topic }) => topic.replace(/^dh\/command\/(\d)\/\d\/[^/]*\//, '$1 '));

/** Once there are so many, and what comes behind them. */
async function allOf(client: TestClient, count: number): Promise<number[]> {
  await expect.poll(() => client.events().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(count);
  await client.request('server/info');
  return idsOf(client);
}

describe('events at QoS 1 to a client with clean=false', () => {
  it('that gets replies at QoS 0 meanwhile all arrive, once and in order', async () => {
    const client = await connect('busy');
    expect(await client.subscribe('dh/command/1/1/+/busy/#')).toBe(1);
    let published = 500;
    client.mqtt.on('message', (topic) => {
      const id = Number(/\/busy\/(\d+)$/.exec(topic)?.[1]);
      if (id % 100 === 0) client.mqtt.publish('dh/request', '{"action":"server/info"}', { qos: 0 });
      if (id % 500 === 300 && published < 10_000) publishAll('busy', published, (published += 500));
    });
    publishAll('busy', 0, published);
    expect(await allOf(client, 10_000)).toEqual(numbers(0, 10_000));
    expect(client.events().every(({ packet }) => packet.qos === 1 && !packet.dup)).toBe(true);
    const untilLast = client.messages.slice(0, client.messages.indexOf(client.events().at(-1)!));
    expect(untilLast.filter(({ packet }) => packet.qos === 0).length).toBeGreaterThan(50);
  });

  it('whose connection breaks all arrive, in order but for repeats that say so', async () => {
    const before = await connect('cut');
    await before.subscribe('dh/command/1/1/+/cut/#');
    publishAll('cut', 0, 2_000);
    await before.next(({ topic }) => topic.endsWith('/cut/300'));
    before.mqtt.stream.destroy();
    publishAll('cut', 2_000, 3_000);
    const after = await connect('cut');
    publishAll('cut', 3_000, 4_000);
    await expect.poll(() => idsOf(after).at(-1), { timeout: 20_000 }).toBe(3_999);
    expect(before.events().length).toBeLessThan(2_000);
    let last = -1;
    for (const { json, packet } of [...before.events(), ...after.events()]) {
      const { id } = json.command;
      if (id <= last) expect(packet.dup).toBe(true);
      else expect(id).toBe(++last);
    }
    expect(last).toBe(3_999);
  });

  it('that wait in too great a number lose the oldest, and the log says how many', async () => {
    await leave('away', ['dh/command/1/1/+/away/#']);
    const watcher = await connect('watches-the-last');
    await watcher.subscribe('dh/command/1/1/+/away/20099');
    publishAll('away', 0, 20_100);
    await watcher.next(({ topic }) => topic.endsWith('/away/20099'));
    const after = await connect('away');
    expect(await allOf(after, 20_000)).toEqual(numbers(100, 20_100));
    const lines = service.logger.lines.filter((line) => line.includes('missed'));
    expect(lines).toEqual([expect.stringMatching(/^client "?away"? has missed 100 events/)]);
  });
});

describe('events that have waited for a client', () => {
  it('come as far as its user may see them now, and its tokens of then and now allow', async () => {
    const all = { u: 60 };
    for (const clientId of ['revoked', 'narrowed']) await leave(clientId, ['dh/command/#'], all);
    await leave('widened', ['dh/command/#'], { ...all, n: ['2'] });
    for (const place of [1, 2, 3]) publish('waits', 0, place);
    await (await service.connect()).request('foo');
    await service.sql('DELETE FROM user_network WHERE user_id = 60 AND network_id = 1');
    const revokedAt = Date.now();
    await expect.poll(() => Date.now() - revokedAt, { timeout: 2_000 }).toBeGreaterThan(1_000);
    const revoked = await connect('revoked', all);
    const narrowed = await connect('narrowed', { u: 60, n: ['2', '3'], dt: ['3'] });
    const widened = await connect('widened', all);
    publish('now', 0, 3);
    for (const client of [revoked, narrowed, widened])
      await client.next(({ topic }) => topic.endsWith('/now'));
    expect(shortTopicsOf(revoked)).toEqual(['2 waits', '3 waits', '3 now']);
    expect(shortTopicsOf(narrowed)).toEqual(['3 waits', '3 now']);
    expect(shortTopicsOf(widened)).toEqual(['2 waits', '3 now']);
  });

  it('come unless the lifetime of their command has passed; what became of it comes all the same', async () => {
    await leave('slow-device', ['dh/command/#', 'dh/command_update/#']);
    const admin = await service.connectAdmin();
    const insert = (command: object) => admin.request('command/insert', { deviceId: SAMPLE_DEVICE, command });
    await insert({ command: 'for-ever' });
    await insert({ command: 'long', lifetime: 3_600 });
    const { command } = await insert({ command: 'short', lifetime: 1 });
    const update = { deviceId: SAMPLE_DEVICE, commandId: command.id, command: { status: 'late' } };
    await admin.request('command/update', update);
    const over = Date.parse(`${command.timestamp}Z`) + 1_000;
    await expect.poll(() => Date.now(), { timeout: 3_000 }).toBeGreaterThan(over);
    const device = await connect('slow-device');
    await insert({ command: 'after' });
    await device.next(({ topic }) => topic.endsWith('/after'));
    const topics = device.events().map(({ topic }) => topic.replace(`/1/1/${SAMPLE_DEVICE}`, ''));
    expect(topics).toEqual([
      'dh/command/for-ever',
      'dh/command/long',
      'dh/command_update/short',
      'dh/command/after',
    ]);
  });

  it.each([
    ['before 1970', { timestamp: '1969-12-31T23:59:58.500', lifetime: 1 }],
    ['at the very moment from which time is counted', { timestamp: '1969-12-31T23:59:59', lifetime: 1 }],
    ['in the first year', { timestamp: '0001-01-01T00:00:00', lifetime: 1 }],
  ])('of a command whose lifetime ended %s come to a client that is there, not later', async (_, ended) => {
    await leave('was-away', ['dh/command/#']);
    const watcher = await connect('watcher');
    await watcher.subscribe('dh/command/#');
    const admin = await service.connectAdmin();
    const insert = (command: object) => admin.request('command/insert', { deviceId: SAMPLE_DEVICE, command });
    await insert({ command: 'over', ...ended });
    await insert({ command: 'far', timestamp: '9999-12-31T23:59:59.999', lifetime: 2 ** 31 - 1 });
    await watcher.next(({ topic }) => topic.endsWith('/far'));
    expect(watcher.events().map(({ json }) => json.command.command)).toEqual(['over', 'far']);
    const back = await connect('was-away');
    await back.next(({ topic }) => topic.endsWith('/far'));
    expect(back.events().map(({ json }) => json.command.command)).toEqual(['far']);
  });

  it('wait on when its token has expired, and come with the next one', async () => {
    const client = await connect('expires');
    await client.subscribe('dh/command/1/1/+/expires/#');
    const expiresAt = Date.now() + 500;
    await client.authenticate(signToken({ e: expiresAt }));
    await expect.poll(() => Date.now()).toBeGreaterThan(expiresAt);
    publish('expires/1');
    await client.request('foo');
    expect(client.events()).toEqual([]);
    await client.authenticate(signToken());
    publish('expires/2');
    await client.next(({ topic }) => topic.endsWith('/expires/2'));
    expect(shortTopicsOf(client)).toEqual(['1 expires/1', '1 expires/2']);
  });

  it.each([
    ['alone', []],
    ['beside #, which is for no events', ['#']],
  ])('are of no filter that it has given back before or since, %s', async (_, others) => {
    const clientId = `gives-back-${others.length}`;
    const kept = 'dh/command/1/1/+/kept/#';
    await leave(clientId, [...others, kept, 'dh/command/1/1/+/since/#', 'dh/command/1/1/+/before/#']);
    const before = await connect(clientId);
    await before.mqtt.unsubscribeAsync('dh/command/1/1/+/before/#');
    await before.end();
    for (const name of ['before', 'since', 'kept']) publish(`${name}/1`);
    await (await service.connect()).request('foo');
    const after = await service.connect({ clientId, clean: false });
    await after.mqtt.unsubscribeAsync('dh/command/1/1/+/since/#');
    await after.authenticate(signToken());
    for (const name of ['before', 'since']) await after.subscribe(`dh/command/1/1/+/${name}/#`);
    for (const name of ['before', 'since', 'kept']) publish(`${name}/2`);
    await after.next(({ topic }) => topic.endsWith('/kept/2'));
    expect(shortTopicsOf(after)).toEqual(['1 kept/1', '1 before/2', '1 since/2', '1 kept/2']);
  });

  it('are of none outside dh/ either that it has given back before it authenticated', async () => {
    await leave('gives-back', ['home/#']);
    const client = await service.connect({ clientId: 'gives-back', clean: false });
    await client.mqtt.unsubscribeAsync('home/#');
    await client.authenticate(signToken());
    await client.end();
    await (await connect('switches')).mqtt.publishAsync('home/light', 'on', { qos: 1 });
    const back = await connectRawAdmin(service.mqttUrl, 'gives-back', { clean: false });
    back.write({ cmd: 'pingreq' });
    await back.packet('pingresp');
    expect(back.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp']);
  });
});
