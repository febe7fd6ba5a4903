import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { VISIBLE_DEVICE } from '../src/directory/access-scope.js';
import { Deletion } from '../src/retention/deletion.js';
import { GoneDevices } from '../src/retention/gone-devices.js';
import type { TestClient } from './support/client.js';
import { createEnvironment } from './support/environment.js';
import { TestService } from './support/service.js';

const ROWS = 2_500;
const NOT_FOUND = { code: 404, error: 'Device with such deviceId = doomed not found' };
const SUCCESS = { status: 'success' };

/** Two devices with commands and notifications. */
const FILL = [
  `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('doomed', 'D', 1, 1), ('kept', 'K', 1, 1)`,
  `INSERT INTO device_command (device, command, timestamp, last_updated)
   SELECT d.id, 'c', now(), now() FROM device d, generate_series(1, ${ROWS}) WHERE d.device_id IN ('doomed', 'kept')`,
  `INSERT INTO device_notification (device, notification, timestamp)
   SELECT d.id, 'n', now() FROM device d, generate_series(1, ${ROWS}) WHERE d.device_id IN ('doomed', 'kept')`,
];
const LEFT = `
  SELECT d.device_id, (SELECT count(*)::int FROM device_command WHERE device = d.id) AS commands,
         (SELECT count(*)::int FROM device_notification WHERE device = d.id) AS notifications
    FROM device d WHERE device_id IN ('doomed', 'kept') ORDER BY d.id`;
const ALL_OF = (device_id: string) => ({ device_id, commands: ROWS, notifications: ROWS });

let service: TestService;
let admin: TestClient;
const ofDoomed = (action: string, more: object = {}) =>
  admin.request(action, { deviceId: 'doomed', ...more });
const deleteDoomed = () => ofDoomed('device/delete');
const cleanUp = () => service.app.get(GoneDevices).run();
const left = () => service.sql(LEFT);

beforeAll(async () => {
  service = await TestService.start({ REQUEST_DEADLINE_MS: '2000' });
  admin = await service.connectAdmin();
});
afterAll(() => service?.stop());
beforeEach(async () => {
  for (const statement of FILL) await service.sql(statement);
});
afterEach(() => service.sql(`DELETE FROM device WHERE device_id IN ('doomed', 'kept')`));

describe('a deleted device', () => {
  it('is gone at once, whoever holds one of its commands', async () => {
    const [{ id }] = (await service.sql(
      `SELECT c.id FROM device_command c JOIN device d ON d.id = c.device WHERE device_id = 'doomed' LIMIT 1`,
    )) as [{ id: number }];
    const { unlock } = await service.lock(id);
    expect(await deleteDoomed()).toMatchObject(SUCCESS);
    await unlock();
    expect(await left()).toEqual([ALL_OF('doomed'), ALL_OF('kept')]);
  });

  it('is unknown to each action, with all that is left of it', async () => {
    const [commandId] = await idsOf('device_command');
    const [notificationId] = await idsOf('device_notification');
    expect(await deleteDoomed()).toMatchObject(SUCCESS);
    for (const [action, more] of [
      ['device/get', {}],
      ['device/delete', {}],
      ['command/get', { commandId }],
      ['command/list', {}],
      ['command/update', { commandId, command: { status: 'late' } }],
      ['command/insert', { command: { command: 'late' } }],
      ['notification/get', { notificationId }],
      ['notification/list', {}],
      ['notification/insert', { notification: { notification: 'late' } }],
      ['command/subscribe', { timestamp: '2020-01-01' }],
      ['notification/subscribe', { timestamp: '2020-01-01' }],
    ] as const) {
      const { code, error } = await ofDoomed(action, more);
      expect({ action, code, error }).toEqual({ action, ...NOT_FOUND });
    }
    const { devices } = await admin.request('device/list', { take: 1_000 });
    expect((devices as { id: string }[]).map(({ id }) => id)).not.toContain('doomed');
    expect(await admin.request('device/count', { name: 'D' })).toMatchObject({ count: 0 });
    expect(await left()).toEqual([ALL_OF('doomed'), ALL_OF('kept')]);
  });

  it('can be saved again at once, and knows nothing of what is left of the one before', async () => {
    const [commandId] = await idsOf('device_command');
    await deleteDoomed();
    expect(await ofDoomed('device/save', { device: {} })).toMatchObject(SUCCESS);
    expect(await ofDoomed('command/list')).toMatchObject({ commands: [] });
    expect(await ofDoomed('command/get', { commandId })).toMatchObject({ code: 404 });
    expect(await ofDoomed('command/subscribe', { timestamp: '2020-01-01' })).toMatchObject(SUCCESS);
    const { notifications } = await ofDoomed('notification/list');
    expect(notifications).toMatchObject([{ notification: '$device-add' }]);
    expect(await cleanUp()).toBe(2 * ROWS);
    expect(await left()).toEqual([ALL_OF('kept'), { device_id: 'doomed', commands: 0, notifications: 1 }]);
  });

  it('is found by a prepared statement in the index of those that are there', async () => {
    const session = service.dataSource.createQueryRunner();
    await session.query(`SET plan_cache_mode = force_generic_plan; PREPARE one AS ${VISIBLE_DEVICE}`);
    const plan = await session.query(`EXPLAIN EXECUTE one ('doomed', 1, NULL, NULL, 0)`);
    await session.query('RESET plan_cache_mode; DEALLOCATE one');
    await session.release();
    expect(JSON.stringify(plan)).toContain('Index Scan using device_present on device d');
  });
});

describe('what is left of a deleted device', () => {
  it('is deleted, the row of the device last, and nothing of others', async () => {
    await deleteDoomed();
    expect(await cleanUp()).toBe(2 * ROWS);
    expect(await left()).toEqual([ALL_OF('kept')]);
    expect(await cleanUp()).toBe(0);
  });

  it('stays with the device if somebody holds a row of it, until the next time', async () => {
    const [id] = await idsOf('device_command');
    await deleteDoomed();
    const { unlock } = await service.lock(id!);
    expect(await cleanUp()).toBe(2 * ROWS - 1);
    expect(await left()).toEqual([{ device_id: 'doomed', commands: 1, notifications: 0 }, ALL_OF('kept')]);
    await unlock();
    expect(await cleanUp()).toBe(1);
    expect(await left()).toEqual([ALL_OF('kept')]);
  });

  it('is deleted by the next process if one ends in between', async () => {
    const { env, dispose } = await createEnvironment();
    const first = await TestService.start({ DATABASE_URL: env.DATABASE_URL! });
    for (const statement of FILL) await first.sql(statement);
    await first.sql(`UPDATE device SET gone_at = now() WHERE device_id = 'doomed'`);
    // After the first statement.
    await first.sql(`
      CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT count(*) FROM device_command) < ${2 * ROWS - 1_000} THEN
          PERFORM pg_terminate_backend(pg_backend_pid());
        END IF;
        RETURN NULL;
      END $$;
      CREATE TRIGGER cut AFTER DELETE ON device_command FOR EACH STATEMENT EXECUTE FUNCTION cut()`);
    expect(await first.app.get(GoneDevices).run()).toBe(0);
    expect(await first.sql(LEFT)).toMatchObject([{ commands: ROWS - 1_000 }, ALL_OF('kept')]);
    await first.sql('DROP FUNCTION cut() CASCADE');
    await first.stop();
    const second = await TestService.start({ DATABASE_URL: env.DATABASE_URL! });
    await expect.poll(() => second.sql(LEFT), { timeout: 30_000, interval: 200 }).toEqual([ALL_OF('kept')]);
    await second.stop();
    await dispose();
  });

  it('is left alone by a service that stops', async () => {
    const stopping = await TestService.start();
    for (const statement of FILL) await stopping.sql(statement);
    await stopping.sql(`UPDATE device SET gone_at = now() WHERE device_id = 'doomed'`);
    stopping.app.get(Deletion).onModuleDestroy();
    expect(await stopping.app.get(GoneDevices).run()).toBe(0);
    expect(await stopping.sql(LEFT)).toEqual([ALL_OF('doomed'), ALL_OF('kept')]);
    await stopping.stop();
  });
});

async function idsOf(table: string): Promise<number[]> {
  const rows = await service.sql<{ id: number }>(
    `SELECT t.id::int FROM ${table} t JOIN device d ON d.id = t.device WHERE d.device_id = 'doomed' ORDER BY 1`,
  );
  return rows.map(({ id }) => id);
}
