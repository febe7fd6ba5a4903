import { expect, it } from 'vitest';
import { TestClient } from './support/client.js';
import { CRASHING_SERVICE, CrashLoop, crashOutcome } from './support/crash-loop.js';
import { freePort } from './support/mosquitto.js';
import { processesOfEachTest } from './support/process.js';
import { ADMIN } from './support/service.js';

const { environment, start } = processesOfEachTest();

it('on the built-in broker a request that crashes the service is answered 500 and acknowledged, too', async () => {
  const MQTT_PORT = String(await freePort());
  const startService = () => start({ ...environment().env, MQTT_PORT }, CRASHING_SERVICE);
  const first = startService();
  const client = await TestClient.connect(await first.ready(), {
    ...ADMIN,
    clean: false,
    reconnectPeriod: 50,
  });
  // It is away in between.
  client.mqtt.on('error', () => undefined);
  const loop = new CrashLoop(client, 'dh/request', 'throw');
  await first.exit();

  const { service, starts } = await loop.serve(startService);
  await loop.acknowledged();
  expect(loop.outcome(service)).toEqual(crashOutcome(client.id));
  expect(starts).toBe(4);
  await client.end();
}, 120_000);
