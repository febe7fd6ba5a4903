import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { TestService } from './support/service.js';

let service: TestService;
let client: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  client = await service.connect();
});
afterAll(() => service?.stop());

it('server/info tells version and time, and nothing of the installation', async () => {
  const [before] = await service.sql<{ now: Date }>('SELECT clock_timestamp() AS now');
  const reply = await client.request('server/info');
  expect(reply).toEqual({
    action: 'server/info',
    requestId: reply.requestId,
    status: 'success',
    info: {
      apiVersion: '3.4.0',
      serverTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$/),
      restServerUrl: null,
    },
  });
  const took = Date.parse(`${reply.info.serverTimestamp}Z`) - before!.now.getTime();
  expect(took).toBeGreaterThanOrEqual(-1);
  expect(took).toBeLessThan(10_000);
});

it('server/info answers everybody who asks at once', async () => {
  const replies = await Promise.all(Array.from({ length: 200 }, () => client.request('server/info')));
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set(['success']));
});

it('cluster/info has the keys of the original and no addresses', async () => {
  const reply = await client.request('cluster/info');
  expect(reply).toEqual({
    action: 'cluster/info',
    requestId: reply.requestId,
    status: 'success',
    clusterInfo: { 'bootstrap.servers': null, 'zookeeper.connect': null },
  });
});
