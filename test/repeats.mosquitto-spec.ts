import type { Packet } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { letWatch, Mosquitto } from './support/mosquitto.js';
import { connectOn, serviceOn } from './support/on-mosquitto.js';
import { MqttProxy } from './support/proxy.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

const token = signToken();

let broker: Mosquitto;
let proxy: MqttProxy;
let service: TestService;
let alice: TestClient;
let watcher: TestClient;

beforeEach(async () => {
  broker = await Mosquitto.start({ users: ['alice', 'watcher'], acl: letWatch('watcher') });
  proxy = await MqttProxy.start(broker.url);
  service = await TestService.start(serviceOn(broker, proxy.url));
  alice = await connectOn(broker, 'alice');
  watcher = await connectOn(broker, 'watcher');
  await watcher.subscribe('dh/#');
});
afterEach(async () => {
  await alice.end();
  await watcher.end();
  await service.stop();
  await proxy.stop();
  await broker.stop();
});

/** The service's acknowledgements get lost on their way to the broker. */
const loseAcknowledgements = () => {
  proxy.drop = (direction, { cmd }) => direction === 'toBroker' && cmd === 'puback';
};
/** The broker sends again what it has no acknowledgement for. Resolves when that is acknowledged. */
async function reconnect(): Promise<void> {
  const before = proxy.packets.length;
  proxy.drop = () => false;
  proxy.cut();
  const since = () => proxy.packets.slice(before);
  const isRedelivery = ({ packet }: { packet: Packet }) => packet.cmd === 'publish' && packet.dup;
  await expect.poll(() => since().some(isRedelivery), { timeout: 10_000 }).toBe(true);
  const ids = () =>
    since().flatMap((seen) =>
      isRedelivery(seen) && seen.direction === 'toClient' ? [seen.packet.messageId] : [],
    );
  const acknowledged = () =>
    since().flatMap(({ direction, packet }) =>
      direction === 'toBroker' && packet.cmd === 'puback' ? [packet.messageId] : [],
    );
  await expect.poll(() => ids().every((id) => acknowledged().includes(id))).toBe(true);
}
/** A request under a requestId of the test's choice. */
async function send(requestId: string, action: string, body: object): Promise<Record<string, any>> {
  const payload = JSON.stringify({ action, requestId, token, deviceId: SAMPLE_DEVICE, ...body });
  await alice.mqtt.publishAsync('dh/request/alice', payload, { qos: 1 });
  return (await alice.next(({ json }) => json.requestId === requestId)).json;
}
const answersTo = (requestId: string) =>
  alice.messages.filter(({ json }) => json.requestId === requestId).map(({ text }) => text);
const eventsOf = (id: number) => watcher.events().filter(({ json }) => json.command.id === id);

describe('an acknowledgement that gets lost', () => {
  it('brings an answered update back after a newer one: the newer one stays, in the row and in all events', async () => {
    const id = await service.insertCommand();
    loseAcknowledgements();
    await send('u1', 'command/update', { commandId: id, command: { status: 'U1' } });
    proxy.drop = () => false;
    await send('u2', 'command/update', { commandId: id, command: { status: 'U2' } });
    await watcher.next(({ json }) => json.command?.status === 'U2');
    const newest = await service.command(id);
    await reconnect();
    expect(await service.command(id)).toEqual(newest);
    const reply = await send('g', 'command/get', { commandId: id });
    expect(reply.command.status).toBe('U2');
    await watcher.next(() => eventsOf(id).length >= 3);
    const values = eventsOf(id).map(({ json }) => json.command.status as string);
    expect(values.slice(values.indexOf('U2'))).toEqual(values.slice(values.indexOf('U2')).map(() => 'U2'));
    expect(new Set(answersTo('u1')).size).toBe(1);
  });

  it('brings an answered insert back: one row, one id in all answers and events', async () => {
    loseAcknowledgements();
    const { command } = await send('i1', 'command/insert', { command: { command: 'only/once' } });
    await reconnect();
    await alice.next(() => answersTo('i1').length >= 2);
    expect(new Set(answersTo('i1')).size).toBe(1);
    const rows = await service.sql(`SELECT id FROM device_command WHERE command = 'only/once'`);
    expect(rows.map(({ id }) => Number(id))).toEqual([command.id]);
    expect(new Set(watcher.events().map(({ json }) => json.command.id))).toEqual(new Set([command.id]));
  });

  it('brings back requests that are still in work: each is executed and answered once', async () => {
    const id = await service.insertCommand();
    const runner = await service.lock(id);
    const replies = ['w1', 'w2', 'w3'].map((requestId) =>
      send(requestId, 'command/update', { commandId: id, command: { status: requestId } }),
    );
    const isRequest = ({ direction, packet }: MqttProxy['packets'][number]) =>
      direction === 'toClient' && packet.cmd === 'publish' && packet.topic === 'dh/request/alice';
    await expect.poll(() => proxy.packets.filter(isRequest).length).toBe(3);
    proxy.cut();
    await expect.poll(() => proxy.packets.filter(isRequest).length, { timeout: 10_000 }).toBe(6);
    await runner.unlock();
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([
      'success',
      'success',
      'success',
    ]);
    const pubacks = () =>
      proxy.packets.filter(({ direction, packet }) => direction === 'toBroker' && packet.cmd === 'puback');
    await expect.poll(() => pubacks().length).toBe(3);
    expect(await send('g', 'command/get', { commandId: id })).toMatchObject({ command: { status: 'w3' } });
    for (const requestId of ['w1', 'w2', 'w3']) expect(answersTo(requestId)).toHaveLength(1);
    expect(eventsOf(id).map(({ json }) => json.command.status)).toEqual(['w1', 'w2', 'w3']);
  });
});

describe('a reply', () => {
  it('arrives, however often the connection breaks as it is on its way', async () => {
    const id = await service.insertCommand();
    let cuts = 0;
    proxy.drop = (direction, packet) => {
      const isReply = direction === 'toBroker' && packet.cmd === 'publish' && packet.topic.endsWith('@alice');
      if (!isReply || cuts === 7) return false;
      cuts++;
      setImmediate(() => proxy.cut());
      return true;
    };
    const payload = {
      action: 'command/get',
      requestId: 'often',
      token,
      deviceId: SAMPLE_DEVICE,
      commandId: id,
    };
    await alice.mqtt.publishAsync('dh/request/alice', JSON.stringify(payload), { qos: 1 });
    await expect.poll(() => answersTo('often').length, { timeout: 25_000 }).toBeGreaterThan(0);
    expect(cuts).toBe(7);
  });
});

describe('a request on a locked row', () => {
  it('delays the answers to other clients by a moment only, and all acknowledgements leave in order', async () => {
    const [locked, free] = [await service.insertCommand(), await service.insertCommand()];
    const runner = await service.lock(locked);
    const waiting = send('waits', 'command/update', { commandId: locked, command: { status: 'late' } });
    const body = { commandId: free, command: { status: 'soon' } };
    expect(await send('passes', 'command/update', body)).toMatchObject({ status: 'success' });
    expect(answersTo('waits')).toEqual([]);
    const toBroker = () => proxy.packets.filter(({ direction }) => direction === 'toBroker');
    expect(toBroker().filter(({ packet }) => packet.cmd === 'puback')).toEqual([]);
    await runner.unlock();
    expect(await waiting).toMatchObject({ status: 'success' });
    const ids = (direction: string, cmd: string) =>
      proxy.packets
        .filter((seen) => seen.direction === direction && seen.packet.cmd === cmd)
        .flatMap(({ packet }) => (packet.cmd === 'publish' && packet.qos === 0 ? [] : [packet.messageId]));
    await expect.poll(() => ids('toBroker', 'puback')).toEqual(ids('toClient', 'publish'));
  });
});

describe('a connection that is kept alive', () => {
  it('answers pings while its requests wait, and is not given up', async () => {
    const id = await service.insertCommand();
    const runner = await service.lock(id);
    const waiting = send('waits', 'command/update', { commandId: id, command: { status: 'late' } });
    const { mqtt } = service;
    mqtt.sendPing();
    await expect.poll(() => proxy.packets.some(({ packet }) => packet.cmd === 'pingresp')).toBe(true);
    await runner.unlock();
    expect(await waiting).toMatchObject({ status: 'success' });
    expect(proxy.packets.filter(({ packet }) => packet.cmd === 'connect')).toHaveLength(1);
  });
});
