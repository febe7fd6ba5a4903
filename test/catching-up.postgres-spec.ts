import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INSERTED } from '../src/actions/command/replay/command-replay.repository.js';
import { REPLAY } from '../src/actions/notification/notification-replay.repository.js';
import { replayStatement } from '../src/actions/shared/replay.js';
import { Connections } from '../src/broker/connections.js';
import { EventSubscriptions } from '../src/subscriptions/event-subscriptions.js';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

const WAIT = { timeout: 10_000 };

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
  for (const [table, columns, values] of [
    ['device_command', 'command, last_updated', `'c', now()`],
    ['device_notification', 'notification', `'n'`],
  ]) {
    await service.sql(
      `INSERT INTO ${table} (device, timestamp, ${columns})
       SELECT d.id, timestamptz '2020-01-01' + n * interval '1 s', ${values}
         FROM device d, generate_series(1, 20000) n WHERE d.device_id = $1`,
      [SAMPLE_DEVICE],
    );
    await service.sql(`VACUUM ANALYZE ${table}`);
  }
});
afterAll(() => service?.stop());

describe.each([
  ['device_command', INSERTED],
  ['device_notification', REPLAY],
])('the plan of a replay of %s', (table, replayed) => {
  it.each([
    ['one device', SAMPLE_DEVICE],
    ['all devices', null],
  ])(
    'begins at its time and id in the index of %s, and reads one row beyond the page',
    async (_, deviceId) => {
      const at = '2020-01-01T02:00:00Z';
      const parameters = [deviceId, 1, null, null, 0, null, null, null, at, 5, 20];
      const rows = await service.sql<{ 'QUERY PLAN': string }>(
        `EXPLAIN (ANALYZE, TIMING OFF) ${replayStatement(replayed)}`,
        parameters,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toMatch(
        new RegExp(
          String.raw`Index (Only )?Scan using ${table}_by_time .*actual rows=21 .*\n +` +
            String.raw`Index Cond: \(\(device = .*\) AND \(ROW\("timestamp", id\) > ROW\(`,
        ),
      );
      expect(plan).not.toContain(`Seq Scan on ${table}`);
    },
  );
});

describe('events that come while the reply to a subscription is held back', () => {
  /** Of 1 MB each; four of them may wait. */
  const EVENTS = 6;
  const LONG = { command: 'long', parameters: { text: 'x'.repeat(1_000_000) } };
  const names = ['long', 'short'];

  /** @returns the client, once its reply may leave */
  async function subscribe(from: { timestamp?: Date; limit?: number }): Promise<TestClient> {
    const admin = await service.connectAdmin();
    const insert = (command: object) => admin.request('command/insert', { deviceId: SAMPLE_DEVICE, command });
    await insert({ command: 'short' });
    const client = await service.connectAdmin();
    const publish = (action: string, body: object) =>
      client.mqtt.publish('dh/request', JSON.stringify({ action, deviceId: SAMPLE_DEVICE, ...body }), {
        qos: 1,
      });
    const commandId = await service.insertCommand();
    const lock = await service.lock(commandId);
    publish('command/update', { commandId, command: {} });
    publish('command/subscribe', { names, ...from });
    const isMade = () => {
      const connection = [...service.app.get(Connections)].find((one) => one.client.id === client.id);
      const [subscription] = service.app.get(EventSubscriptions).of(connection?.id);
      const rest = { kind: 'command' as const, deviceId: SAMPLE_DEVICE, names, ...from, afterId: 0 };
      return from.timestamp ? subscription?.isContinuedBy(rest) : subscription !== undefined;
    };
    await expect.poll(isMade, WAIT).toBe(true);
    for (let n = 0; n < EVENTS; n++) await insert(LONG);
    await lock.unlock();
    return client;
  }

  it('end the connection of who has asked for what is stored, if they are more than can wait', async () => {
    const client = await subscribe({ timestamp: new Date('2020-01-01T00:00:00Z'), limit: 0 });
    await expect.poll(() => client.mqtt.connected, WAIT).toBe(false);
    expect(client.events()).toEqual([]);
  });

  it('are delivered to others as far as they can wait', async () => {
    const client = await subscribe({});
    await expect.poll(() => client.events().length, WAIT).toBe(4);
    expect(client.mqtt.connected).toBe(true);
  });
});
