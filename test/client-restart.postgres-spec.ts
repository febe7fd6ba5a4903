import { expect, it } from 'vitest';
import { LOAD_CALLS, loadThrough } from './support/client-load.js';
import { freePort } from './support/mosquitto.js';
import { processesOfEachTest } from './support/process.js';
import { signToken } from './support/token.js';

const { environment, start } = processesOfEachTest();

it('DeviceHiveClient gets every call answered when the service restarts, broker and all', async () => {
  const env = { ...environment().env, MQTT_PORT: String(await freePort()) };
  const service = start(env);
  const url = await service.ready();
  const report = await loadThrough({ url, token: signToken() }, async () => {
    service.kill('SIGKILL');
    await service.exit();
    await start(env).ready();
  });
  expect(report.errors).toEqual([]);
  expect(report).toMatchObject({ replies: LOAD_CALLS, distinct: LOAD_CALLS, pending: 0 });
}, 300_000);
