import { setTimeout as delay } from 'node:timers/promises';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from './support/raw-client.js';
import { ADMIN, TestService } from './support/service.js';

let service: TestService;
const clients: RawClient[] = [];

beforeAll(async () => {
  service = await TestService.start();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.end();
});
afterAll(() => service?.stop());

const bytesOf = (...packets: Packet[]): Buffer =>
  Buffer.concat(packets.map((packet) => mqttPacket.generate(packet)));

const connectPacket = (clientId: string, login?: typeof ADMIN): Packet =>
  ({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId,
    keepalive: 0,
    ...(login && { username: login.username, password: Buffer.from(login.password) }),
  }) as Packet;

const publishPacket = (topic: string, payload: string, messageId?: number): Packet => ({
  cmd: 'publish',
  topic,
  payload,
  qos: messageId ? 1 : 0,
  messageId,
  retain: false,
  dup: false,
});

async function open(): Promise<RawClient> {
  const client = await RawClient.open(service.mqttUrl);
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

async function expectServed(): Promise<void> {
  const client = await service.connect();
  expect(await client.request('server/info')).toMatchObject({ status: 'success' });
  await client.end();
}

describe('what a client sends before its CONNACK', () => {
  it.each([70_000, 100_000, 150_000])(
    'a PUBLISH of %i bytes in one write with an anonymous CONNECT is handled after the CONNACK',
    async (bytes) => {
      for (const topic of ['ordinary', 'dh/command/1/1/x/y', 'dh/request']) {
        const client = await open();
        client.socket.write(
          bytesOf(connectPacket('hasty'), publishPacket(topic, 'x'.repeat(bytes), 7), { cmd: 'pingreq' }),
        );
        await client.packet('pingresp');
        await client.packet('puback');
        expect(client.packets[0]).toMatchObject({ cmd: 'connack', returnCode: 0 });
      }
      await expectServed();
    },
  );

  it('a request in one write with CONNECT is executed under the login of that CONNECT', async () => {
    const request = (requestId: string, padding: number) =>
      JSON.stringify({ action: 'device/count', requestId, padding: 'x'.repeat(padding) });
    for (const padding of [0, 70_000, 140_000]) {
      const client = await open();
      client.socket.write(
        bytesOf(
          connectPacket('quick', ADMIN),
          {
            cmd: 'subscribe',
            messageId: 1,
            subscriptions: [{ topic: 'dh/response/device/count@quick', qos: 1 }],
          } as Packet,
          publishPacket('dh/request', request('first', padding), 2),
          publishPacket('dh/request', request('second', 0), 3),
        ),
      );
      await client.packet('puback', ({ messageId }) => messageId === 3);
      expect(client.packets.map(({ cmd }) => cmd)).toEqual([
        'connack',
        'suback',
        'puback',
        'publish',
        'puback',
        'publish',
      ]);
      const replies = client.packets.flatMap((packet) =>
        packet.cmd === 'publish' ? [JSON.parse(packet.payload.toString()) as object] : [],
      );
      expect(replies).toMatchObject([
        { requestId: 'first', status: 'success' },
        { requestId: 'second', status: 'success' },
      ]);
    }
  });

  it.each([
    ['a client id that is refused', connectPacket('bad/id'), 2],
    ['a wrong password', connectPacket('liar', { ...ADMIN, password: 'wrong' }), 5],
  ])('a request behind %s is not executed', async (_, connect, returnCode) => {
    const save = JSON.stringify({ action: 'server/info', requestId: 1, padding: 'x'.repeat(70_000) });
    const lines = service.logger.lines.length;
    const client = await open();
    client.socket.write(
      bytesOf(connect, publishPacket('dh/request', save, 5), publishPacket('dh/x', 'y', 6)),
    );
    await client.until(() => client.closed);
    expect(client.packets).toMatchObject([{ cmd: 'connack', returnCode }]);
    expect(service.logger.lines.slice(lines).filter((line) => /dh\/x|null/.test(line))).toEqual([]);
  });

  it('one write by 1,000 connections, of random size and cut at random places, ends nothing', async () => {
    const random = randomFrom(18);
    const attack = async (i: number): Promise<void> => {
      const client = await open();
      const payload = 'x'.repeat(Math.floor(random() * 140_000));
      const topic = ['ordinary', 'dh/request', 'dh/command/1/1/x/y', '$SYS/x'][i % 4]!;
      const login = i % 5 === 0 ? ADMIN : undefined;
      const bytes = bytesOf(
        connectPacket(i % 7 === 0 ? 'bad/id' : `attacker-${i}`, login),
        publishPacket(topic, payload, 1),
        { cmd: 'pingreq' },
      );
      const cut = Math.floor(random() * bytes.length);
      client.socket.write(bytes.subarray(0, cut));
      if (random() < 0.3) await delay(0);
      client.socket.write(bytes.subarray(cut));
      if (random() < 0.2) return client.socket.resetAndDestroy() as unknown as void;
      await client.until(() => client.closed || client.packets.some(({ cmd }) => cmd === 'pingresp'));
      expect(client.packets[0]?.cmd).toBe('connack');
      client.end();
    };
    for (let from = 0; from < 1_000; from += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, i) => attack(from + i)));
    }
    await expectServed();
  });
});
