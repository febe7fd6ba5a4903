import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from './support/raw-client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service?.stop());

describe('a device id or a name full of slashes', () => {
  it('keeps nothing from its way', async () => {
    await service.sql(
      `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ($1, 'Slashes', 1, 1)`,
      ['/'.repeat(48)],
    );
    const admin = await service.connectAdmin();
    await admin.subscribe('dh/command/#');
    const command = { command: '/'.repeat(63) };
    expect(await admin.request('command/insert', { deviceId: '/'.repeat(48), command })).toMatchObject({
      status: 'success',
    });
    const { topic } = await admin.next((message) => message.topic.startsWith('dh/command/'));
    expect(topic).toBe(`dh/command/1/1/${'%2F'.repeat(48)}/${'/'.repeat(63)}`);
  });
});

describe('guesses at passwords', () => {
  it('through the action token take no place from other requests', async () => {
    const guessers = await Promise.all(
      Array.from({ length: 24 }, (_, i) => RawClient.connect(service.mqttUrl, { clientId: `guesser-${i}` })),
    );
    for (const [i, guesser] of guessers.entries()) {
      const guess = JSON.stringify({ action: 'token', login: `login-${i % 2}`, password: 'wrong' });
      for (let n = 1; n <= 64; n++) guesser.publish(guess, { qos: 1, messageId: n });
      guesser.write({ cmd: 'pingreq' });
      await guesser.packet('pingresp');
    }
    const client = await service.connect();
    const body = { token: signToken(), deviceId: SAMPLE_DEVICE, commandId: await service.insertCommand() };
    for (const qos of [0, 1] as const) {
      expect(await client.request('command/get', body, qos)).toMatchObject({ status: 'success' });
    }
    for (const guesser of guessers) guesser.end();
  });
});

describe('the log', () => {
  it('shows what clients send in quotes, escaped and cut', async () => {
    const client = await service.connectAdmin();
    const before = service.logger.lines.length;
    const evil = `${'x'.repeat(10)}\u001b[31m\nFAKE LINE ${'y'.repeat(100_000)}`;
    const clients = await Promise.all([1, 2, 3].map(() => service.connectAdmin()));
    await clients[0]!.request('command/get', { deviceId: evil, commandId: 1 });
    await clients[1]!.request(evil);
    await clients[2]!.send(JSON.stringify({ action: 'foo', requestId: evil }));
    await client.mqtt.publishAsync(`dh/command/${'z'.repeat(10_000)}\n`, '', { qos: 1 });
    await service.connect({
      will: { topic: `dh/${'w'.repeat(10_000)}\n`, payload: Buffer.from(''), qos: 0 },
    });
    // The number of earlier refusals may come in between.
    const lines = service.logger.lines.slice(before).filter((line) => !line.includes('within a minute'));
    expect(lines).toHaveLength(5);
    for (const line of lines) {
      expect(line.length).toBeLessThan(1_000);
      // oxlint-disable-next-line no-control-regex
      expect(line).not.toMatch(/[\u0000-\u001f]/);
    }
  });

  it('has one line of the refusals of a client, and one with their number at the end', async () => {
    const own = await TestService.start();
    const client = await own.connectAdmin({ clientId: 'noisy' });
    for (let i = 0; i < 200; i++) {
      expect(await client.request('foo')).toMatchObject({ code: 400 });
      client.mqtt.publish('dh/command/1/1/x/forged', '');
    }
    const lines = () => own.logger.lines.filter((line) => line.includes('noisy'));
    expect(lines()).toHaveLength(1);
    await own.stop();
    expect(lines()).toHaveLength(2);
    expect(lines()[1]).toMatch(/^client "noisy": (39[89]) more within a minute, the last: /);
  });
});
