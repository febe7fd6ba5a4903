import { connect, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestClient } from './support/client.js';
import { CRASHING_SERVICE, CrashLoop, crashOutcome } from './support/crash-loop.js';
import { Mosquitto } from './support/mosquitto.js';
import { serviceOn } from './support/on-mosquitto.js';
import { processesOfEachTest } from './support/process.js';

const { environment, start } = processesOfEachTest();
let broker: Mosquitto;

beforeAll(async () => {
  broker = await Mosquitto.start({ open: true });
});
afterAll(() => broker.stop());

/** A session that takes messages, noting those that come again with `!`, and acknowledges none. */
async function openSession(clientId: string): Promise<{ client: MqttClient; taken: string[] }> {
  const taken: string[] = [];
  const client = connect(broker.url, {
    clientId,
    clean: false,
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 3_600 },
    reconnectPeriod: 0,
  });
  client.handleMessage = (_packet, done) => done(new Error('not acknowledged'));
  client.on('message', (_topic, payload, { dup }) => taken.push(`${dup ? '!' : ''}${payload.toString()}`));
  await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject));
  return { client, taken };
}

it('Mosquitto sends what was not acknowledged again with DUP, in order and before anything new', async () => {
  const sender = await TestClient.connect(broker.url);
  const first = await openSession('again');
  await first.client.subscribeAsync('again', { qos: 1 });
  for (const text of ['1', '2', '3']) await sender.mqtt.publishAsync('again', text, { qos: 1 });
  await expect.poll(() => first.taken).toEqual(['1', '2', '3']);
  first.client.stream.destroy();
  await sender.mqtt.publishAsync('again', '4', { qos: 1 });
  const second = await openSession('again');
  await sender.mqtt.publishAsync('again', '5', { qos: 1 });
  await expect.poll(() => second.taken).toEqual(['!1', '!2', '!3', '4', '5']);
  await second.client.endAsync(true);
  await sender.end();
});

it('a request that crashes the service is answered 500 and acknowledged, and all others succeed', async () => {
  const { client: session } = await openSession('devicehive');
  await session.subscribeAsync('dh/request/#', { qos: 1 });
  await session.endAsync(true);
  const client = await TestClient.connect(broker.url, { clientId: 'sender' });
  const loop = new CrashLoop(client, 'dh/request/sender', 'kill');
  await loop.acknowledged();

  const { service, starts } = await loop.serve(() =>
    start({ ...environment().env, ...serviceOn(broker) }, CRASHING_SERVICE),
  );
  expect(loop.outcome(service)).toEqual(crashOutcome('sender'));
  // Two crashes make the service careful, two more condemn the request.
  expect(starts).toBe(5);
  service.kill('SIGTERM');
  expect(await service.exit()).toBe(0);

  const { client: heir, taken } = await openSession('devicehive');
  await client.mqtt.publishAsync('dh/request/sender', 'next', { qos: 1 });
  await expect.poll(() => taken).toEqual(['next']);
  await heir.endAsync(true);
  await client.end();
}, 120_000);
