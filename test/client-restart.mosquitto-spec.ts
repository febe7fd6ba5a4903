import { afterAll, beforeAll, expect, it } from 'vitest';
import { LOAD_CALLS, loadThrough } from './support/client-load.js';
import { Mosquitto } from './support/mosquitto.js';
import { serviceOn } from './support/on-mosquitto.js';
import { processesOfEachTest } from './support/process.js';
import { signToken } from './support/token.js';

const { environment, start } = processesOfEachTest();
let broker: Mosquitto;

beforeAll(async () => {
  broker = await Mosquitto.start({ users: ['nest'] });
});
afterAll(() => broker?.stop());

const options = (protocolVersion: 4 | 5) => ({
  url: broker.url,
  token: signToken(),
  protocolVersion,
  ...broker.login('nest'),
});

it('DeviceHiveClient gets every call answered when the service is killed and started again', async () => {
  const env = { ...environment().env, ...serviceOn(broker) };
  const service = start(env);
  await service.ready();
  const report = await loadThrough(options(4), async () => {
    service.kill('SIGKILL');
    await service.exit();
    await start(env).ready();
  });
  expect(report.errors).toEqual([]);
  expect(report).toMatchObject({ replies: LOAD_CALLS, distinct: LOAD_CALLS, pending: 0 });
}, 300_000);

it('DeviceHiveClient gets every call answered when the broker restarts', async () => {
  await start({ ...environment().env, ...serviceOn(broker) }).ready();
  const report = await loadThrough(options(5), () => broker.restart());
  expect(report.errors).toEqual([]);
  expect(report).toMatchObject({ replies: LOAD_CALLS, distinct: LOAD_CALLS, pending: 0 });
}, 300_000);
