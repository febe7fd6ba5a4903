import { randomUUID } from 'node:crypto';
import type { IPublishPacket } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from './support/raw-client.js';
import { connectRawAdmin, TestService } from './support/service.js';

let service: TestService;
let watcher: RawClient;

beforeAll(async () => {
  service = await TestService.start();
  watcher = await connectRawAdmin(service.mqttUrl, 'watcher');
  await watcher.subscribe('#');
});
afterAll(async () => {
  watcher?.end();
  await service?.stop();
});

const connect = (clientId = `c-${randomUUID()}`) => connectRawAdmin(service.mqttUrl, clientId);
const field = (bytes: Buffer) =>
  Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
const packet = (type: number, ...parts: Buffer[]) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([type, body.length]), body]);
};
const byte = (value: number) => Buffer.from([value]);
const ID = Buffer.from([0, 9]);
const bytesOf = (name: string | number[]) =>
  typeof name === 'string' ? Buffer.from(name) : Buffer.from(name);

/** What a client gets that subscribes to everything after all of it: the retained messages. */
async function retained(): Promise<string[]> {
  const late = await connect();
  await late.subscribe('#');
  late.write({ cmd: 'pingreq' });
  await late.packet('pingresp');
  const fresh = `end/${randomUUID()}`;
  late.publish('x', { topic: fresh });
  await late.packet('publish', ({ topic }) => topic === fresh);
  late.end();
  return late.packets.flatMap((p) => (p.cmd === 'publish' && p.retain ? [p.topic] : []));
}

async function topicsOfWatcher(): Promise<string[]> {
  const marker = `marker/${randomUUID()}`;
  const client = await connect();
  client.publish('x', { topic: marker });
  await watcher.packet('publish', ({ topic }) => topic === marker);
  client.end();
  const topics = watcher.packets.flatMap((p) => (p.cmd === 'publish' ? [(p as IPublishPacket).topic] : []));
  return topics.filter((topic) => !/^(marker|end)\//.test(topic));
}

/** MQTT 3.1.1 says of these: MUST close the connection. */
const ILL_FORMED: [name: string, topic: string | number[]][] = [
  ['U+0000', 'a\0b'],
  ['a byte that is no UTF-8', [0x61, 0xff]],
  ['an overlong form', [0x61, 0xc0, 0xaf]],
  ['a surrogate in UTF-8', [0xed, 0xa0, 0x80]],
  ['a cut character', [0x61, 0xe2, 0x82]],
];
/** Of these: MAY close, and libmosquitto does, at every subscriber. */
const UNFIT: [name: string, topic: string][] = [
  ['U+FFFF', 'a\uffff'],
  ['U+FDD0', 'a\ufdd0'],
  ['a line feed', 'a\nb'],
  ['U+0085', 'a\u0085'],
];

describe('PUBLISH', () => {
  it.each(ILL_FORMED)(
    'a topic with %s ends the connection of whoever publishes to it, and reaches nobody',
    async (_, topic) => {
      for (const flags of [0x30, 0x31, 0x33]) {
        const client = await connect();
        const id = flags === 0x33 ? ID : Buffer.alloc(0);
        client.socket.write(packet(flags, field(bytesOf(topic)), id, Buffer.from('x')));
        await client.until(() => client.closed);
      }
      expect(await topicsOfWatcher()).toEqual([]);
      expect(await retained()).toEqual([]);
    },
  );

  it.each(UNFIT)('a topic with %s is acknowledged, and reaches nobody', async (_, topic) => {
    const client = await connect();
    client.socket.write(packet(0x33, field(bytesOf(topic)), ID, Buffer.from('x')));
    await client.packet('puback');
    expect(client.closed).toBe(false);
    client.end();
    expect(await topicsOfWatcher()).toEqual([]);
    expect(await retained()).toEqual([]);
  });
});

const FORBIDDEN_FILTERS: typeof ILL_FORMED = [
  ...ILL_FORMED,
  ['text before #', 'a#'],
  ['text behind #', '#a'],
  ['text behind +', '+a'],
  ['text before +', 'a+'],
  ['text around +', 'a+b'],
  ['a level behind #', 'a/#/b'],
  ['two #', '##'],
  ['nothing in it', ''],
];

/** Sends a packet for which the connection is ended. */
async function sendForbidden(bytes: Buffer) {
  const clientId = `c-${randomUUID()}`;
  const client = await connect(clientId);
  client.socket.write(bytes);
  await client.until(() => client.closed);
  const lines = service.logger.lines.filter((line) => line.includes(clientId));
  return { received: client.packets.map(({ cmd }) => cmd), lines };
}
const unanswered = (reason: string) => ({
  received: ['connack'],
  lines: [expect.stringMatching(new RegExp(` ${reason}.*, which MQTT forbids: disconnected`))],
});

describe('SUBSCRIBE', () => {
  it.each(FORBIDDEN_FILTERS)(
    'a filter with %s ends the connection of whoever subscribes to it',
    async (_, filter) => {
      expect(await sendForbidden(packet(0x82, ID, field(bytesOf(filter)), byte(1)))).toEqual(
        unanswered('subscribes to'),
      );
    },
  );

  it('without a filter ends the connection', async () => {
    expect(await sendForbidden(packet(0x82, ID))).toEqual(unanswered('sends a SUBSCRIBE without a filter'));
  });

  it.each(UNFIT)(
    'a filter with %s is refused, and the others of the packet are granted',
    async (_, filter) => {
      const client = await connect();
      client.socket.write(
        packet(0x82, ID, field(bytesOf(filter)), byte(1), field(Buffer.from('good/+/#')), byte(1)),
      );
      expect((await client.packet('suback')).granted).toEqual([128, 1]);
      client.end();
    },
  );
});

describe('UNSUBSCRIBE', () => {
  it.each(FORBIDDEN_FILTERS)(
    'a filter with %s ends the connection of whoever unsubscribes from it, without an acknowledgement',
    async (_, filter) => {
      expect(
        await sendForbidden(packet(0xa2, ID, field(Buffer.from('good')), field(bytesOf(filter)))),
      ).toEqual(unanswered('unsubscribes from'));
    },
  );

  it('without a filter ends the connection', async () => {
    expect(await sendForbidden(packet(0xa2, ID))).toEqual(
      unanswered('sends an UNSUBSCRIBE without a filter'),
    );
  });

  it('with a forbidden filter takes no other filter of the packet out of a stored session', async () => {
    const clientId = `s-${randomUUID()}`;
    const kept = await connectRawAdmin(service.mqttUrl, clientId, { clean: false });
    await kept.subscribe('end/kept');
    kept.socket.write(packet(0xa2, ID, field(Buffer.from('end/kept')), field(Buffer.from('a#'))));
    await kept.until(() => kept.closed);
    const again = await connectRawAdmin(service.mqttUrl, clientId, { clean: false });
    again.publish('x', { topic: 'end/kept' });
    expect(await again.packet('publish')).toMatchObject({ topic: 'end/kept' });
    again.end();
  });

  it.each(UNFIT)('a filter with %s, which nobody can have, is acknowledged', async (_, filter) => {
    const client = await connect();
    client.socket.write(packet(0xa2, ID, field(bytesOf(filter))));
    expect(await client.packet('unsuback')).toMatchObject({ messageId: 9 });
    client.end();
  });
});

describe('CONNECT', () => {
  const connectWith = async (topic: string | number[]) => {
    const client = await RawClient.open(service.mqttUrl);
    client.socket.write(
      packet(
        0x10,
        field(Buffer.from('MQTT')),
        Buffer.from([4, 0b0010_1110, 0, 0]),
        field(Buffer.from(randomUUID())),
        field(bytesOf(topic)),
        field(Buffer.from('gone')),
      ),
    );
    await client.until(() => client.closed || client.packets.length > 0);
    return client;
  };

  it.each([...ILL_FORMED, ['#', 'w/#'], ['+', 'w/+'], ['nothing in it', '']] as typeof ILL_FORMED)(
    'a will on a topic with %s has its CONNECT refused',
    async (_, topic) => {
      const client = await connectWith(topic);
      await client.until(() => client.closed);
      expect(client.packets.filter((p) => p.cmd === 'connack' && p.returnCode === 0)).toEqual([]);
      expect(await topicsOfWatcher()).toEqual([]);
      expect(await retained()).toEqual([]);
    },
  );

  it.each(UNFIT)('a will on a topic with %s is dropped', async (_, topic) => {
    const client = await connectWith(topic);
    expect(client.packets).toMatchObject([{ cmd: 'connack', returnCode: 0 }]);
    client.end();
    expect(await topicsOfWatcher()).toEqual([]);
    expect(await retained()).toEqual([]);
  });
});

it('a retained message over 64 kB is delivered and removes the one before it', async () => {
  const client = await connect();
  const publish = (payload: string, messageId: number) =>
    client.write({
      cmd: 'publish',
      topic: 'kept/state',
      payload,
      qos: 1,
      messageId,
      retain: true,
      dup: false,
    });
  publish('old', 1);
  await client.packet('puback', ({ messageId }) => messageId === 1);
  expect(await retained()).toEqual(['kept/state']);
  publish('x'.repeat(65_537), 2);
  await watcher.packet('publish', ({ payload }) => payload.length === 65_537);
  expect(await retained()).toEqual([]);
  publish('new', 3);
  await client.packet('puback', ({ messageId }) => messageId === 3);
  expect(await retained()).toEqual(['kept/state']);
  client.end();
});
