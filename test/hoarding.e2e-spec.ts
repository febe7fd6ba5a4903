import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectRawAdmin, SAMPLE_DEVICE, TestService } from './support/service.js';

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service?.stop());

const connect = (clientId: string, options: object = {}) =>
  connectRawAdmin(service.mqttUrl, clientId, options);

describe('messages at QoS 2', () => {
  it('are not kept if they are dropped: their message ids are free at once', async () => {
    const [sender, receiver] = [await connect('sender', { clean: false }), await connect('receiver')];
    await receiver.subscribe('free/#');
    sender.publish('forged', { topic: 'dh/command/1/1/x/y', qos: 2, messageId: 1 });
    await sender.packet('pubrec');
    sender.publish('first', { topic: 'free/topic', qos: 2, messageId: 1 });
    expect(await receiver.packet('publish')).toMatchObject({ topic: 'free/topic' });
  });

  it('are passed on once, also if they come again before their PUBREL', async () => {
    const [sender, receiver] = [await connect('repeater'), await connect('listener')];
    await receiver.subscribe('once/#');
    for (const payload of ['first', 'again']) {
      sender.publish(payload, { topic: 'once/topic', qos: 2, messageId: 1 });
    }
    await sender.until(() => sender.packets.filter(({ cmd }) => cmd === 'pubrec').length === 2);
    sender.write({ cmd: 'pubrel', messageId: 1 });
    await sender.packet('pubcomp');
    sender.publish('next', { topic: 'once/topic', qos: 2, messageId: 1 });
    const received = () => receiver.packets.flatMap((packet) => (packet.cmd === 'publish' ? [packet] : []));
    await receiver.until(() => received().length === 2);
    expect(received().map(({ payload }) => String(payload))).toEqual(['first', 'next']);
  });
});

describe('messages for a client that is away', () => {
  it('wait for it, 1,000 at most', async () => {
    const away = await connect('away', { clean: false });
    await away.subscribe('queue/#');
    away.socket.destroy();
    const sender = await connect('fast-sender');
    for (let i = 1; i <= 1_100; i++) {
      sender.publish(String(i), { topic: 'queue/topic', qos: 1, messageId: i });
    }
    await sender.until(() => sender.packets.filter(({ cmd }) => cmd === 'puback').length === 1_100);
    const back = await connect('away', { clean: false });
    const received = () => back.packets.flatMap((packet) => (packet.cmd === 'publish' ? [packet] : []));
    await back.until(() => received().length === 1_000);
    for (const { messageId } of received()) back.write({ cmd: 'puback', messageId });
    sender.publish('last', { topic: 'queue/topic', qos: 1, messageId: 1 });
    await back.until(() => received().length === 1_001);
    expect(String(received().at(-1)!.payload)).toBe('last');
  });
});

describe('a watcher that reads', () => {
  it('gets all of 20,000 events that one write of another client causes', async () => {
    const watcher = await connect('watcher');
    await watcher.subscribe('dh/response/#');
    for (let requestId = 1; requestId <= 100; requestId++) {
      watcher.publish(JSON.stringify({ action: 'command/subscribe', requestId, deviceId: SAMPLE_DEVICE }));
    }
    const received = () => watcher.packets.filter(({ cmd }) => cmd === 'publish').length;
    await watcher.until(() => received() === 100);
    const sender = await connect('inserter');
    sender.socket.cork();
    for (let requestId = 1; requestId <= 200; requestId++) {
      const command = { command: 'x', parameters: { pad: 'p'.repeat(100) } };
      const request = { action: 'command/insert', requestId, deviceId: SAMPLE_DEVICE, command };
      sender.publish(JSON.stringify(request), { qos: 1, messageId: requestId });
    }
    sender.socket.uncork();
    await expect.poll(() => watcher.closed || received(), { timeout: 50_000 }).toBe(20_100);
  }, 60_000);
});
