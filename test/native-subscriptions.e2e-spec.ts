import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventKind } from '../src/protocol/topics.js';
import { EventIndex } from '../src/subscriptions/event-index.js';
import { EventPublisher } from '../src/transport/event-publisher.js';
import type { TestClient } from './support/client.js';
import { ignoreEvents } from './support/described-traffic.js';
import { connectRawAdmin, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

ignoreEvents();

const HERE = `1/1/${SAMPLE_DEVICE}`;

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service?.stop());

function publish(name: string | null, id = 0, kind: EventKind = 'command'): void {
  const subject = { networkId: 1, deviceTypeId: 1, deviceId: SAMPLE_DEVICE };
  const payload = { action: 'command/insert', command: { id }, subscriptionId: 0 };
  service.app.get(EventPublisher).publish(kind, subject, name, payload);
}

async function connect(options: { clientId?: string; clean?: boolean } = {}): Promise<TestClient> {
  const client = await service.connect(options);
  await client.authenticate(signToken());
  return client;
}

/** The topics of all events until now, once a reply has come behind them. */
async function heard(client: TestClient): Promise<string[]> {
  await client.request('server/info');
  return client.events().map(({ topic }) => topic);
}

const SESSIONS = [
  ['clean=true', true],
  ['clean=false', false],
] as const;

describe.each(SESSIONS)('a filter of a client with %s', (_, clean) => {
  const COMMANDS = ['led', 'led/on', null, '/', 'a+b', '#', 'x@y', '%41'];
  const ONE_LEVEL = ['led', '', 'a%2Bb', '%23', 'x%40y', '%2541'];
  const ALL = ['led', 'led/on', '', '/', 'a%2Bb', '%23', 'x%40y', '%2541'];
  const commands = (names: string[]) => names.map((name) => `dh/command/${HERE}/${name}`);
  const UPDATE = `dh/command_update/${HERE}/led`;
  const NOTIFICATION = `dh/notification/${HERE}/led`;

  it.each<[string, string[]]>([
    [`dh/command/${HERE}/#`, commands(ALL)],
    [`dh/command/${HERE}/+`, commands(ONE_LEVEL)],
    [`dh/command/${HERE}/+/+`, commands(['led/on', '/'])],
    [`dh/command/${HERE}/led`, commands(['led'])],
    [`dh/command/${HERE}/led/#`, commands(['led', 'led/on'])],
    [`dh/command/${HERE}/+/on`, commands(['led/on'])],
    [`dh/command/${HERE}/`, commands([''])],
    [`dh/command/${HERE}/a%2Bb`, commands(['a%2Bb'])],
    [`dh/command/${HERE}/%23`, commands(['%23'])],
    [`dh/command/${HERE}/A`, []],
    [`dh/command/${HERE}`, []],
    ['dh/command/1/1/+/led', commands(['led'])],
    ['dh/command/+/+/+/led', commands(['led'])],
    ['dh/command/1/2/#', []],
    ['dh/command/2/#', []],
    ['dh/command/1/1/other/#', []],
    ['dh/command/#', commands(ALL)],
    ['dh/command_update/#', [UPDATE]],
    ['dh/notification/+/+/+/led', [NOTIFICATION]],
    [`dh/+/${HERE}/led`, [...commands(['led']), UPDATE, NOTIFICATION]],
    ['dh/#', [...commands(ALL), UPDATE, NOTIFICATION]],
    ['dh/+/1/#', [...commands(ALL), UPDATE, NOTIFICATION]],
    ['#', []],
    ['+/#', []],
    ['+/command/#', []],
  ])('%s gets its events and no others', async (filter, topics) => {
    const client = await connect({ clean });
    expect(await client.subscribe(filter)).toBe(1);
    for (const name of COMMANDS) publish(name);
    publish('led', 0, 'command_update');
    publish('led', 0, 'notification');
    expect(await heard(client)).toEqual(topics);
    await client.end();
  });

  it.each([
    [[0, 1], 1],
    [[1, 0], 1],
    [[0, 0], 0],
    [[1, 2], 1],
  ] as const)(
    'that overlaps another one, granted QoS %j: an event comes once at QoS %i',
    async (granted, qos) => {
      const client = await connect({ clean });
      for (const [i, filter] of ['dh/command/#', `dh/command/${HERE}/+`].entries())
        expect(await client.subscribe(filter, granted[i] as 0 | 1)).toBe(granted[i]);
      publish('led');
      expect(await heard(client)).toHaveLength(1);
      expect(client.events()[0]!.packet.qos).toBe(qos);
      await client.end();
    },
  );

  it('that ends in @<clientId> has its events come on the topic with it, unless a plain one matches', async () => {
    const clientId = `someone@example.com-${clean}`;
    const client = await connect({ clientId, clean });
    const topic = `dh/command/${HERE}/led`;
    expect(await client.subscribe(`${topic}@${clientId}`)).toBe(1);
    const other = await connect();
    expect(await other.subscribe(`${topic}@${clientId}`)).toBe(128);
    await other.subscribe('dh/command/#');
    publish('led');
    expect(await heard(client)).toEqual([`${topic}@${clientId}`]);
    await client.subscribe('dh/command/#');
    publish('led');
    expect(await heard(client)).toEqual([`${topic}@${clientId}`, topic]);
    await client.mqtt.unsubscribeAsync('dh/command/#');
    publish('led');
    expect(await heard(client)).toEqual([`${topic}@${clientId}`, topic, `${topic}@${clientId}`]);
    await client.mqtt.unsubscribeAsync(`${topic}@${clientId}`);
    publish('led');
    expect(await heard(client)).toHaveLength(3);
    expect(await heard(other)).toEqual(Array(4).fill(topic));
    await client.end();
    await other.end();
  });

  it('that is given back gets nothing behind the UNSUBACK, and one that overlaps it goes on', async () => {
    const client = await connect({ clean });
    await client.subscribe(`dh/command/${HERE}/both/#`);
    await client.subscribe(`dh/command/${HERE}/both/stay`);
    const received: string[] = [];
    client.mqtt.on('packetreceive', (packet) => {
      received.push(packet.cmd === 'publish' ? packet.topic.split('/').at(-1)! : packet.cmd);
    });
    let count = 0;
    const publishBoth = () => {
      publish('both/stop', count);
      publish('both/stay', count++);
    };
    publishBoth();
    await client.next(({ topic }) => topic.endsWith('/both/stop'));
    client.mqtt.unsubscribe(`dh/command/${HERE}/both/#`);
    while (!received.includes('unsuback')) {
      publishBoth();
      await new Promise(setImmediate);
    }
    for (let i = 0; i < 20; i++) publishBoth();
    await heard(client);
    expect(received.slice(received.indexOf('unsuback'))).not.toContain('stop');
    const stayed = client.events().filter(({ topic }) => topic.endsWith('/stay'));
    expect(stayed.map(({ json }) => json.command.id)).toEqual(Array.from({ length: count }, (_, i) => i));
    await client.end();
  });
});

describe('a watcher', () => {
  it.each(SESSIONS)('with %s sees its own event, PUBACK and reply in this order', async (_, clean) => {
    const clientId = `orderly-${clean}`;
    const client = await connectRawAdmin(service.mqttUrl, clientId, { clean });
    for (const filter of ['dh/command/#', 'dh/response/#']) await client.subscribe(filter);
    const before = client.packets.length;
    const request = { action: 'command/insert', deviceId: SAMPLE_DEVICE, command: { command: 'mine' } };
    client.publish(JSON.stringify(request), { qos: 1, messageId: 7 });
    await client.packet('publish', ({ topic }) => topic.startsWith('dh/response/'));
    expect(client.packets.slice(before)).toMatchObject([
      { cmd: 'publish', topic: `dh/command/${HERE}/mine` },
      { cmd: 'puback', messageId: 7 },
      { cmd: 'publish', topic: `dh/response/command/insert@${clientId}` },
    ]);
    client.end();
  });

  it('of overlapping filters gets each event once, while another one comes and goes and leaves no trace', async () => {
    const [all, some] = [await connect(), await connect({ clean: false })];
    await all.subscribe('dh/command/#');
    await some.subscribe(`dh/command/${HERE}/n`);
    const watching = () => service.app.get(EventIndex).match(`dh/command/${HERE}/n`).length;
    const before = watching();
    for (let round = 0; round < 20; round++) {
      const visitor = await connect({ clientId: 'visitor', clean: round % 2 === 1 });
      await visitor.subscribe(`dh/command/${HERE}/#`);
      await visitor.subscribe(`dh/command/${HERE}/n`);
      publish('n', 2 * round);
      await heard(visitor);
      expect(visitor.events().map(({ json }) => json.command.id)).toEqual([2 * round]);
      await visitor.end();
      publish('n', 2 * round + 1);
    }
    for (const client of [all, some]) {
      await heard(client);
      expect(client.events().map(({ json }) => json.command.id)).toEqual(
        Array.from({ length: 40 }, (_, i) => i),
      );
    }
    await expect.poll(watching).toBe(before);
  });
});
