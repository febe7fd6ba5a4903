import { DataSource } from 'typeorm';
import { expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

const DEADLINE_MS = 2_000;
const CLIENTS = 20;
/** Of each client, at a time. */
const EACH = 12;
const REFUSED = { status: 'error', code: 503, error: 'The row is locked by somebody else, try again' };

const about = { deviceId: SAMPLE_DEVICE };

/** Requests of all kinds that are written or read in batches. */
const REQUESTS: [action: string, body: (commandId: number) => object][] = [
  ['command/insert', () => ({ ...about, command: { command: 'c' } })],
  ['command/update', (commandId) => ({ ...about, commandId, command: { status: 'done' } })],
  ['command/get', (commandId) => ({ ...about, commandId })],
  ['notification/insert', () => ({ ...about, notification: { notification: 'n' } })],
];

/** @returns the milliseconds that each request took to be refused */
async function untilRefused(clients: TestClient[], commandIds: number[]): Promise<number[]> {
  const requests = clients.flatMap((client) =>
    commandIds.map(async (commandId, i) => {
      const [action, body] = REQUESTS[i % REQUESTS.length]!;
      return refused(client, action, body(commandId));
    }),
  );
  return Promise.all(requests);
}

async function refused(client: TestClient, action: string, body: object): Promise<number> {
  const begin = performance.now();
  expect(await client.request(action, body)).toMatchObject(REFUSED);
  return performance.now() - begin;
}

function expectAtDeadline(took: number[]): void {
  expect(Math.min(...took)).toBeGreaterThan(DEADLINE_MS - 200);
  expect(Math.max(...took)).toBeLessThan(DEADLINE_MS + 1_500);
}

async function withConnections(
  poolSize: number,
  work: (service: TestService, clients: TestClient[], operator: DataSource) => Promise<void>,
): Promise<void> {
  const service = await TestService.start({
    REQUEST_DEADLINE_MS: String(DEADLINE_MS),
    DATABASE_POOL_SIZE: String(poolSize),
  });
  const { url } = service.dataSource.options as { url: string };
  const operator = await new DataSource({ type: 'postgres', url }).initialize();
  try {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => service.connectAdmin()));
    await work(service, clients, operator);
  } finally {
    await operator.destroy();
    await service.stop();
  }
}

it.each([1, 2, 4, 8])(
  'with %i connections each request for a locked table is refused at its own deadline',
  (poolSize) =>
    withConnections(poolSize, async (service, clients, operator) => {
      const commandIds = await Promise.all(Array.from({ length: EACH }, () => service.insertCommand()));
      const took = await operator.transaction(async (session) => {
        await session.query('LOCK TABLE device_command, device_notification IN ACCESS EXCLUSIVE MODE');
        return untilRefused(clients, commandIds);
      });
      expectAtDeadline(took);
      const served = await Promise.all(
        REQUESTS.map(([action, body]) => clients[0]!.request(action, body(commandIds[0]!))),
      );
      expect(served).toMatchObject(REQUESTS.map(() => ({ status: 'success' })));
    }),
);

it('authenticate is refused at its own deadline while the users are locked, and served afterwards', () =>
  withConnections(4, async (_, clients, operator) => {
    const token = signToken();
    const took = await operator.transaction(async (session) => {
      await session.query('LOCK TABLE dh_user IN ACCESS EXCLUSIVE MODE');
      return Promise.all(clients.map((client) => refused(client, 'authenticate', { token })));
    });
    expectAtDeadline(took);
    expect(await clients[0]!.request('authenticate', { token })).toMatchObject({ status: 'success' });
  }));
