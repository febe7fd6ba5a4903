import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventPublisher } from '../src/transport/event-publisher.js';
import type { TestClient } from './support/client.js';
import { ignoreEvents } from './support/described-traffic.js';
import { RawClient } from './support/raw-client.js';
import { connectRawAdmin, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

ignoreEvents();

const FILTER = 'dh/command/#';

let service: TestService;
let bystander: TestClient;

beforeAll(async () => {
  service = await TestService.start({ ORDINARY_TOPICS: 'anyone' });
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'Two')`);
  await service.sql(`INSERT INTO device_type (id, name) VALUES (2, 'Two')`);
  await service.sql(
    `INSERT INTO dh_user (id, login, password_hash, role) VALUES (60, 'owner', '', 1), (61, 'other', '', 1)`,
  );
  await service.sql('INSERT INTO user_network VALUES (60, 1), (60, 2), (61, 1)');
  bystander = await service.connect();
});
afterAll(() => service?.stop());

/** Events of commands with these names, of a device in network and type 1 unless told. They are with the broker. */
async function publish(names: string[], place = 1): Promise<void> {
  const subject = { networkId: place, deviceTypeId: place, deviceId: SAMPLE_DEVICE };
  for (const name of names) {
    const payload = { action: 'command/insert', command: { command: name }, subscriptionId: 0 };
    service.app.get(EventPublisher).publish('command', subject, name, payload);
  }
  await bystander.request('foo');
}

/** Event packets, by the end of their topics. */
function eventsOf(client: RawClient): { name: string; messageId: number; dup: boolean }[] {
  return client.packets.flatMap((packet) =>
    packet.cmd === 'publish' && packet.topic.startsWith('dh/command/')
      ? [{ name: packet.topic.split('/')[5]!, messageId: packet.messageId!, dup: packet.dup }]
      : [],
  );
}

const namesOf = (client: TestClient) => client.events().map(({ topic }) => topic.split('/')[5]!);

/** The names of all that has come until an event of now has. */
async function heard(client: TestClient): Promise<string[]> {
  await publish(['now']);
  await client.next(({ topic }) => topic.endsWith('/now'));
  return namesOf(client).filter((name) => name !== 'now');
}

/** Packets instead of a library, authenticated at CONNECT. */
const connectRaw = (clientId: string) => connectRawAdmin(service.mqttUrl, clientId, { clean: false });

const connect = (clientId: string, clean = false) => service.connect({ clientId, clean });

async function comeBack(clientId: string, claims: object = { u: 60 }): Promise<TestClient> {
  const client = await connect(clientId);
  await client.authenticate(signToken(claims));
  return client;
}

/** A client that has subscribed and is gone. */
async function leave(clientId: string, filters = [FILTER], claims: object = { u: 60 }): Promise<void> {
  const client = await comeBack(clientId, claims);
  for (const filter of filters) expect(await client.subscribe(filter)).toBe(1);
  await client.end();
}

describe('a client with clean=false that was away', () => {
  it('gets what it missed after it has authenticated with a token, not before, and what follows', async () => {
    await leave('by-token');
    await publish(['a', 'b']);
    const client = await RawClient.connect(service.mqttUrl, { clientId: 'by-token', clean: false });
    await publish(['c']);
    client.write({ cmd: 'pingreq' });
    await client.packet('pingresp');
    expect(client.packets).toMatchObject([{ cmd: 'connack', sessionPresent: true }, { cmd: 'pingresp' }]);
    client.publish(JSON.stringify({ action: 'authenticate', token: signToken({ u: 60 }) }));
    await client.until(() => eventsOf(client).length === 3);
    await publish(['d']);
    await client.until(() => eventsOf(client).length === 4);
    expect(eventsOf(client).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
    client.end();
  });

  it('gets it at once where it logs in at CONNECT, behind the CONNACK', async () => {
    await leave('by-login', [FILTER], { u: 1 });
    await publish(['a', 'b']);
    const client = await connectRaw('by-login');
    await publish(['c']);
    await client.until(() => eventsOf(client).length === 3);
    expect(client.packets[0]).toMatchObject({ cmd: 'connack', sessionPresent: true });
    expect(eventsOf(client).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    client.end();
  });

  it('gets again what it has not acknowledged, marked so and under the same id, and nothing else', async () => {
    const first = await connectRaw('again');
    await first.subscribe(FILTER);
    await publish(['a', 'b', 'c']);
    await first.until(() => eventsOf(first).length === 3);
    const [a, b, c] = eventsOf(first);
    first.write({ cmd: 'puback', messageId: b!.messageId });
    first.write({ cmd: 'pingreq' });
    await first.packet('pingresp');
    first.end();
    await publish(['d']);
    const second = await connectRaw('again');
    await second.until(() => eventsOf(second).length === 3);
    await publish(['e']);
    await second.until(() => eventsOf(second).length === 4);
    const repeats = [a, c].map((event) => ({ ...event, dup: true }));
    const [again, once, d, e] = eventsOf(second);
    expect([again, once]).toEqual(repeats);
    expect([d, e]).toMatchObject([{ name: 'd' }, { name: 'e', dup: false }]);
    expect(new Set([a, b, c, d, e].map((event) => event!.messageId)).size).toBe(5);
    for (const { messageId } of eventsOf(second)) second.write({ cmd: 'puback', messageId });
    second.write({ cmd: 'pingreq' });
    await second.packet('pingresp');
    second.end();
    const third = await connectRaw('again');
    await publish(['f']);
    await third.until(() => eventsOf(third).some(({ name }) => name === 'f'));
    expect(eventsOf(third)).toHaveLength(1);
    third.end();
  });

  it('has only been cut off: what follows comes on its new connection, once', async () => {
    const first = await connectRaw('cut-off');
    await first.subscribe(FILTER);
    const second = await connectRaw('cut-off');
    await publish(['a', 'b']);
    await first.until(() => first.closed);
    await publish(['c']);
    await second.until(() => eventsOf(second).some(({ name }) => name === 'c'));
    expect(eventsOf(second).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    second.end();
  });
});

describe('the owner of a stored session', () => {
  it.each([true, false])(
    'loses nothing to a stranger who comes with clean=%s and gets nothing',
    async (clean) => {
      await leave(`visited-${clean}`);
      await publish(['a']);
      const stranger = await connect(`visited-${clean}`, clean);
      await publish(['b']);
      await stranger.mqtt.unsubscribeAsync(FILTER);
      expect(await stranger.subscribe(FILTER)).toBe(128);
      await publish(['c']);
      expect(await stranger.request('foo')).toMatchObject({ code: 400 });
      expect(stranger.events()).toEqual([]);
      await stranger.end();
      await publish(['d']);
      expect(await heard(await comeBack(`visited-${clean}`))).toEqual(['a', 'b', 'c', 'd']);
    },
  );

  it('keeps its filters outside dh/ too, whatever a stranger gives back or takes', async () => {
    await leave('ordinary', [FILTER, 'home/#']);
    for (const clean of [true, false]) {
      const stranger = await connect('ordinary', clean);
      await stranger.mqtt.unsubscribeAsync(['home/#', FILTER]);
      await stranger.subscribe('home/#', 0);
      await stranger.end();
    }
    const [owner, other] = [await comeBack('ordinary'), await comeBack('switches-the-light')];
    await other.mqtt.publishAsync('home/light', 'on', { qos: 1 });
    expect((await owner.next(({ topic }) => topic === 'home/light')).text).toBe('on');
  });

  it('finds it empty where another user has authenticated, who gets nothing of it either', async () => {
    await leave('contested');
    await publish(['a']);
    const other = await comeBack('contested', { u: 61 });
    expect((await other.request('subscription/list')).subscriptions).toEqual([]);
    await other.subscribe(FILTER);
    expect(await heard(other)).toEqual([]);
    await other.end();
    await publish(['b']);
    const owner = await comeBack('contested');
    await owner.subscribe(FILTER);
    expect(await heard(owner)).toEqual([]);
  });

  it('ends it with clean=true', async () => {
    await leave('ended');
    await publish(['a']);
    const clean = await connect('ended', true);
    await clean.authenticate(signToken({ u: 60 }));
    await clean.end();
    await publish(['b']);
    const back = await RawClient.connect(service.mqttUrl, { clientId: 'ended', clean: false });
    expect(back.packets[0]).toMatchObject({ cmd: 'connack', sessionPresent: false });
    back.end();
    const after = await comeBack('ended');
    await after.subscribe(FILTER);
    expect(await heard(after)).toEqual([]);
  });
});
