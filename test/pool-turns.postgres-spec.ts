import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

const DEVICES = 20;

let service: TestService;
/** Another application on the same database, whose connections are not the service's. */
let other: DataSource;
let [greedy, modest]: TestClient[] = [];
let commandId: number;

async function start(overrides: Record<string, string>): Promise<void> {
  let url: string | undefined;
  service = await TestService.start(async (env) => {
    url = env.DATABASE_URL;
    return overrides;
  });
  other = await new DataSource({ type: 'postgres', url }).initialize();
  await other.query(
    `INSERT INTO device (device_id, name, network_id, device_type_id)
     SELECT 'd' || n, 'device ' || n, network_id, device_type_id
       FROM device, generate_series(1, $2::int) n WHERE device_id = $1`,
    [SAMPLE_DEVICE, DEVICES],
  );
  commandId = await service.insertCommand();
  [greedy, modest] = await Promise.all([service.connectAdmin(), service.connectAdmin()]);
}
afterEach(async () => {
  await other?.destroy();
  await service?.stop();
});

const success = { status: 'success' };
const update = () => modest!.request('command/update', { deviceId: SAMPLE_DEVICE, commandId, command: {} });

/** Runs work while a transaction of the other application holds something. */
const whileHeld = (statement: string, work: () => Promise<void>) =>
  other.transaction(async (manager) => {
    await manager.query(statement);
    await work();
  });
/** Counts and lists of devices wait for it. */
const NETWORKS = 'LOCK TABLE network IN ACCESS EXCLUSIVE MODE';

const statementsThatWait = async (): Promise<number> => {
  const [{ count }] = await other.query(
    `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return count;
};

describe('60 counts of one client, which all take long', () => {
  it.each([
    [8, 2],
    [4, 1],
    [2, 1],
  ])('take of %d connections %d, and the update of another client does not wait', async (poolSize, taken) => {
    await start({ DATABASE_POOL_SIZE: `${poolSize}` });
    const counts: Promise<unknown>[] = [];
    await whileHeld(NETWORKS, async () => {
      for (let i = 0; i < 60; i++) counts.push(greedy!.request('device/count'));
      await expect.poll(statementsThatWait).toBe(taken);
      for (let i = 0; i < 10; i++) expect(await update()).toMatchObject(success);
      expect(await statementsThatWait()).toBe(taken);
    });
    for (const reply of await Promise.all(counts)) expect(reply).toMatchObject(success);
  });

  it('let the update of another client begin after one of them, if there is one connection', async () => {
    await start({ DATABASE_POOL_SIZE: '1' });
    let answered = 0;
    const counts: Promise<void>[] = [];
    let updated: Promise<unknown> | undefined;
    await whileHeld(NETWORKS, async () => {
      for (let i = 0; i < 60; i++) {
        counts.push(greedy!.request('device/count').then(() => void answered++));
      }
      await expect.poll(statementsThatWait).toBe(1);
      updated = update();
      // It has come when a later request is answered, which at QoS 0 waits for no other's acknowledgement.
      expect(await modest!.request('cluster/info', {}, 0)).toMatchObject(success);
    });
    expect(await updated).toMatchObject(success);
    // One may have begun and ended on the way of the update's reply.
    expect(answered).toBeLessThanOrEqual(2);
    await Promise.all(counts);
  });
});

describe('requests for devices that somebody holds', () => {
  beforeEach(() => start({ DATABASE_POOL_SIZE: '4' }));

  it('let others through, whatever these ask for, and are executed when the devices are free', async () => {
    const waiting: Promise<unknown>[] = [];
    await whileHeld(`SELECT FROM device WHERE device_id LIKE 'd%' FOR UPDATE`, async () => {
      for (let i = 1; i <= DEVICES; i++) {
        const deviceId = `d${i}`;
        const notification = { notification: 'n' };
        waiting.push(greedy!.request('device/save', { deviceId, device: { name: 'renamed' } }));
        waiting.push(greedy!.request('notification/insert', { deviceId, notification }));
      }
      await expect.poll(statementsThatWait).toBeGreaterThan(0);
      for (let i = 0; i < 3; i++) {
        const device = { deviceId: SAMPLE_DEVICE };
        expect(await update()).toMatchObject(success);
        expect(await modest!.request('device/get', device)).toMatchObject(success);
        const save = { ...device, device: { name: `${i}` } };
        expect(await modest!.request('device/save', save)).toMatchObject(success);
      }
    });
    for (const reply of await Promise.all(waiting)) expect(reply).toMatchObject(success);
  });
});

describe('a request for a device that stays held', () => {
  beforeEach(() => start({ REQUEST_DEADLINE_MS: '400' }));

  it('is refused at the deadline', async () => {
    await whileHeld('SELECT FROM device FOR UPDATE', async () => {
      const sentAt = performance.now();
      const save = { deviceId: SAMPLE_DEVICE, device: { name: 'x' } };
      expect(await greedy!.request('device/save', save)).toMatchObject({
        code: 503,
        error: 'The row is locked by somebody else, try again',
      });
      expect(performance.now() - sentAt).toBeGreaterThanOrEqual(400);
    });
  });
});

describe('a count that takes more than five seconds', () => {
  beforeEach(() => start({ DATABASE_POOL_SIZE: '2' }));

  it('is given up with 503, as a list is, and later statements of its session are not bounded so', async () => {
    await whileHeld(NETWORKS, async () => {
      expect(await greedy!.request('device/count')).toMatchObject({
        code: 503,
        error: 'The list took too long: narrow it, or skip and take fewer',
      });
    });
    const bounds = await Promise.all(
      [1, 2].map(() =>
        service.sql(
          `SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
                  pg_backend_pid() AS session, pg_sleep(0.2)`,
        ),
      ),
    );
    expect(new Set(bounds.map(([row]) => row!.session)).size).toBe(2);
    for (const [row] of bounds) expect(row).toMatchObject({ statement: '0', lock: '10s' });
  });
});
