import mqttPacket, { type Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { TopicAccess } from '../src/broker/topic-access.js';
import { RawClient } from './support/raw-client.js';
import { connectRawAdmin, TestService } from './support/service.js';

let service: TestService;
const clients: RawClient[] = [];

beforeAll(async () => {
  service = await TestService.start();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.end();
});
afterAll(() => service?.stop());

async function connect(clientId: string, isAdmin = false): Promise<RawClient> {
  const client = await (isAdmin
    ? connectRawAdmin(service.mqttUrl, clientId)
    : RawClient.connect(service.mqttUrl, { clientId }));
  clients.push(client);
  return client;
}

/** A number in [0, 1) that is the same in each run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const filters = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => `${prefix}/${i}`);
const subscribePacket = (messageId: number, topics: string[]): Packet =>
  ({ cmd: 'subscribe', messageId, subscriptions: topics.map((topic) => ({ topic, qos: 1 })) }) as Packet;

describe('SUBSCRIBE and UNSUBSCRIBE', () => {
  it('of more than 1,024 filters end the connection, and the log says so', async () => {
    const over = filters(1_025, 'over');
    for (const [name, packet] of [
      ['a SUBSCRIBE', subscribePacket(1, over)],
      ['an UNSUBSCRIBE', { cmd: 'unsubscribe', messageId: 1, unsubscriptions: over } as Packet],
    ] as const) {
      const client = await connect(`over ${name}`, true);
      client.write(packet);
      await client.until(() => client.closed);
      expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
      expect(service.logger.lines.filter((line) => line.includes(`over ${name}`))).toEqual([
        expect.stringContaining(`sends ${name} of more than 1024 filters: disconnected`),
      ]);
    }
  });

  it('that cannot be handled for an error in the service end their own connection alone', async () => {
    const victim = await connect('victim');
    const other = await connect('other');
    vi.spyOn(service.app.get(TopicAccess), 'maySubscribe').mockImplementationOnce(() => {
      throw new Error('broken');
    });
    victim.write(subscribePacket(1, ['a']));
    await victim.until(() => victim.closed);
    await other.subscribe('a');
    expect(service.logger.lines.filter((line) => line.includes('"victim"'))).toEqual([
      expect.stringContaining('client "victim": a packet cannot be handled, disconnected'),
    ]);
  });

  it('of many sizes, mixed with PUBLISH and cut anywhere, are acknowledged once each and in order, for 200 clients at once', async () => {
    const random = randomFrom(4);
    const upTo = (n: number) => Math.floor(random() * n);
    const attack = async (i: number): Promise<void> => {
      const client = await connect(`mixer-${i}`, i % 10 === 0);
      const sent: Packet[] = [];
      for (let messageId = 1; messageId <= 30; messageId++) {
        const count = random() < 0.1 ? 1 + upTo(1_024) : 1 + upTo(8);
        const topics = filters(count, `mix/${upTo(3)}`);
        const kind = upTo(4);
        if (kind === 0) sent.push(subscribePacket(messageId, topics));
        else if (kind === 1) sent.push({ cmd: 'unsubscribe', messageId, unsubscriptions: topics });
        else
          sent.push({
            cmd: 'publish',
            topic: kind === 2 ? 'ordinary' : 'dh/request',
            payload: 'x'.repeat(upTo(3_000)),
            qos: 1,
            messageId,
            retain: false,
            dup: false,
          });
      }
      const bytes = Buffer.concat([...sent, { cmd: 'pingreq' } as Packet].map((p) => mqttPacket.generate(p)));
      for (let at = 0; at < bytes.length;) {
        const end = at + 1 + upTo(random() < 0.5 ? 20 : 20_000);
        client.socket.write(bytes.subarray(at, end));
        at = end;
        if (random() < 0.3) await new Promise(setImmediate);
      }
      const ids = (cmd: string, from: Packet[]) =>
        from.flatMap((p) => (p.cmd === cmd ? [(p as { messageId: number }).messageId] : []));
      await client.packet('pingresp');
      await client.until(
        () => client.closed || ids('puback', client.packets).length >= ids('publish', sent).length,
      );
      for (const [packet, acknowledgement] of [
        ['subscribe', 'suback'],
        ['unsubscribe', 'unsuback'],
      ] as const) {
        expect(ids(acknowledgement, client.packets)).toEqual(ids(packet, sent));
      }
      // Requests are acknowledged after their commit, ordinary messages at once.
      for (const isRequest of [true, false]) {
        const of = sent.filter((p) => p.cmd === 'publish' && (p.topic === 'dh/request') === isRequest);
        const expected = ids('publish', of);
        expect(ids('puback', client.packets).filter((id) => expected.includes(id))).toEqual(expected);
      }
      expect(ids('puback', client.packets)).toHaveLength(ids('publish', sent).length);
      expect(client.packets.filter(({ cmd }) => cmd === 'pingresp')).toHaveLength(1);
      expect(client.closed).toBe(false);
      for (const suback of client.packets.filter(({ cmd }) => cmd === 'suback')) {
        const { messageId, granted } = suback as unknown as { messageId: number; granted: number[] };
        const { subscriptions } = sent[messageId - 1] as unknown as { subscriptions: unknown[] };
        expect(granted).toHaveLength(subscriptions.length);
      }
    };
    await Promise.all(Array.from({ length: 200 }, (_, i) => attack(i)));
  });
});
