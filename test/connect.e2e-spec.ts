import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from './support/raw-client.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service?.stop());

async function connack(options: object): Promise<number | undefined> {
  const client = await RawClient.connect(service.mqttUrl, options);
  const [packet] = client.packets;
  client.end();
  return packet?.cmd === 'connack' ? (packet.returnCode ?? packet.reasonCode) : undefined;
}

describe('CONNECT', () => {
  it.each<[string, object, number]>([
    ['nothing', {}, 0],
    ['a login and its password', { username: ADMIN.username, password: Buffer.from(ADMIN.password) }, 0],
    ['a wrong password', { username: ADMIN.username, password: Buffer.from('wrong') }, 5],
    ['an unknown login', { username: 'nobody', password: Buffer.from('x') }, 5],
    ['an empty password', { username: ADMIN.username, password: Buffer.from('') }, 5],
    ['a login alone', { username: ADMIN.username }, 0],
    ['an empty client id and clean=true', { clientId: '' }, 0],
    ['a client id with /', { clientId: 'a/b' }, 2],
    ['a client id with +', { clientId: 'a+b' }, 2],
    ['a client id with #', { clientId: '#' }, 2],
    ['a client id with a control character', { clientId: 'a\u0007b' }, 2],
    ['a client id of 129 characters', { clientId: 'x'.repeat(129) }, 2],
    ['a client id of 128 characters', { clientId: 'x'.repeat(128) }, 0],
    ['a client id with @', { clientId: 'user@example.com' }, 0],
    ['the client id of the service', { clientId: 'devicehive' }, 2],
    ['MQTT 3.1', { protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'old' }, 0],
    ['MQTT 5', { protocolVersion: 5 }, 1],
  ])('with %s is answered so', async (_, options, code) => {
    expect(await connack(options)).toBe(code);
  });

  it('with invalid UTF-8 in the client id is refused', async () => {
    const client = await RawClient.open(service.mqttUrl);
    const packet = [0x10, 14, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 2, 0xff, 0xfe];
    client.socket.write(Buffer.from(packet));
    await client.until(() => client.closed);
    expect(client.packets.filter((p) => p.cmd === 'connack' && p.returnCode === 0)).toEqual([]);
  });

  it('with an empty client id and clean=false is refused: nobody could come back to its session', async () => {
    const client = await RawClient.open(service.mqttUrl);
    client.socket.write(Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 0, 0, 0]));
    await client.until(() => client.closed);
    expect(client.packets).toMatchObject([{ cmd: 'connack', returnCode: 2 }]);
  });

  it.each([
    ['devicehive', 'its client id is that of the service'],
    ['log/2', 'its client id must have 1 to 128 characters, without /, + and #'],
  ])('with the client id %s has a line in the log that says why it is refused', async (clientId, problem) => {
    await connack({ clientId });
    const line = `client "${clientId}" at 127.0.0.1 is refused: ${problem}`;
    expect(service.logger.lines.filter((text) => text.includes(line))).toHaveLength(1);
  });

  it('with MQTT 5 is told in the log what to use', () => {
    expect(service.logger.lines.some((line) => line.includes('connect with MQTT 3.1.1'))).toBe(true);
  });

  it('twice on one connection, or after something else, ends the connection and nothing more', async () => {
    for (const first of [Buffer.from([0xc0, 0]), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
      const client = await RawClient.open(service.mqttUrl);
      client.socket.write(first);
      await client.until(() => client.closed);
    }
    expect(await connack({})).toBe(0);
  });

  it('with wrong passwords again and again is slowed down, and locks nobody out', async () => {
    const wrong = { username: 'guessed', password: Buffer.from('wrong') };
    const start = performance.now();
    const codes = await Promise.all(Array.from({ length: 9 }, () => connack(wrong)));
    expect(codes).toEqual(Array(9).fill(5));
    // 100 + 200 + 400 ms before the last three, one after the other
    expect(performance.now() - start).toBeGreaterThan(700);
    expect(await connack({ username: ADMIN.username, password: Buffer.from(ADMIN.password) })).toBe(0);
  });
});

describe('a stored session', () => {
  it('keeps its event filters, and delivers what was missed once its client has authenticated', async () => {
    const before = await service.connectAdmin({ clientId: 'comes-back', clean: false });
    expect(await before.subscribe('dh/command/#')).toBe(1);
    await before.end();
    const after = await service.connect({ clientId: 'comes-back', clean: false });
    const admin = await service.connectAdmin();
    const insert = (command: string) =>
      admin.request('command/insert', { deviceId: SAMPLE_DEVICE, command: { command } });
    await insert('missed');
    expect(await after.request('foo')).toMatchObject({ code: 400 });
    expect(after.events()).toEqual([]);
    const { accessToken } = await after.request('token', { login: ADMIN.username, password: ADMIN.password });
    await after.authenticate(accessToken);
    await insert('seen');
    await after.next(({ topic }) => topic.endsWith('/seen'));
    expect(after.events().map(({ topic }) => topic.split('/')[5])).toEqual(['missed', 'seen']);
  });
});
