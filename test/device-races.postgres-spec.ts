import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { ADMIN, TestService } from './support/service.js';

let service: TestService;
let admin: TestClient;
let user: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'Two'), (3, 'Three')`);
  await service.sql(
    `INSERT INTO dh_user (id, login, password_hash, role)
     SELECT 51, 'user', password_hash, 1 FROM dh_user WHERE login = 'dhadmin'`,
  );
  await service.sql('INSERT INTO user_network VALUES (51, 2)');
  admin = await service.connectAdmin();
  user = await service.connect({ username: 'user', password: ADMIN.password });
});
afterAll(() => service?.stop());

beforeEach(async () => {
  await service.sql(`DELETE FROM device WHERE device_id IN ('contested', 'new')`);
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('contested', 'Contested', 2, 1)`,
  );
});

const denied = { code: 403, error: 'Access is denied' };
const device = async () =>
  (
    await service.sql(`SELECT name, network_id FROM device WHERE device_id = 'contested' AND gone_at IS NULL`)
  )[0];

const WAITING = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;

/** A batch waits for nobody: it has looked at the row since that is held, and looks again. */
const PASSED_OVER = `
  FROM pg_stat_activity a
 WHERE datname = current_database() AND query LIKE '%unnest((SELECT $1::%' AND query NOT LIKE '%pg_stat_activity%'
   AND query_start > (SELECT xact_start FROM pg_stat_activity h
                       WHERE h.datname = a.datname AND h.state = 'idle in transaction')`;

/** Commits a change as soon as the request waits for what it holds, and after one more. */
async function duringRequest<T>(
  change: string,
  request: () => Promise<T>,
  last?: string,
  waiting = WAITING,
): Promise<T> {
  const runner = service.dataSource.createQueryRunner();
  try {
    await runner.startTransaction();
    await runner.query(change);
    const answer = request();
    await expect.poll(async () => (await service.sql(`SELECT pid ${waiting}`)).length).toBe(1);
    if (last) await runner.query(last);
    await runner.commitTransaction();
    return await answer;
  } finally {
    await runner.release();
  }
}

const MOVE = `UPDATE device SET network_id = 3 WHERE device_id = 'contested'`;
const DELETE = `DELETE FROM device WHERE device_id = 'contested'`;

describe('a device that somebody moves out of sight', () => {
  it('is not changed by a save that waits for it', async () => {
    const save = () => user.request('device/save', { deviceId: 'contested', device: { name: 'stolen' } });
    expect(await duringRequest(MOVE, save)).toMatchObject(denied);
    expect(await device()).toEqual({ name: 'Contested', network_id: '3' });
  });

  it('is not brought back by a save that waits for it', async () => {
    const save = () => user.request('device/save', { deviceId: 'contested', device: { networkId: 2 } });
    expect(await duringRequest(MOVE, save)).toMatchObject(denied);
    expect(await device()).toEqual({ name: 'Contested', network_id: '3' });
  });

  it('is not deleted by a request that waits for it', async () => {
    const remove = () => user.request('device/delete', { deviceId: 'contested' });
    expect(await duringRequest(MOVE, remove)).toMatchObject(denied);
    expect(await device()).toEqual({ name: 'Contested', network_id: '3' });
  });

  it('stays where it is with a save that does not say where to', async () => {
    const save = () => admin.request('device/save', { deviceId: 'contested', device: { name: 'renamed' } });
    expect(await duringRequest(MOVE, save)).toMatchObject({ status: 'success' });
    expect(await device()).toEqual({ name: 'renamed', network_id: '3' });
  });
});

describe('a device that somebody deletes', () => {
  it('is created anew by a save that waits for it', async () => {
    const save = () => user.request('device/save', { deviceId: 'contested', device: { name: 'reborn' } });
    expect(await duringRequest(DELETE, save)).toMatchObject({ status: 'success' });
    expect(await device()).toEqual({ name: 'reborn', network_id: '2' });
    const told = await service.sql('SELECT notification FROM device_notification');
    expect(told).toEqual([{ notification: '$device-add' }]);
  });

  it('is unknown to a notification/insert that waits for it', async () => {
    const insert = () =>
      admin.request('notification/insert', { deviceId: 'contested', notification: { notification: 'x' } });
    expect(await duringRequest(DELETE, insert, undefined, PASSED_OVER)).toMatchObject({ code: 404 });
  });

  it('is unknown to a device/delete that waits for it', async () => {
    const remove = () => admin.request('device/delete', { deviceId: 'contested' });
    expect(await duringRequest(DELETE, remove)).toMatchObject({ code: 404 });
  });
});

describe('a device that somebody creates at the same time', () => {
  const create = (network: number) =>
    `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('new', 'New', ${network}, 1)`;
  const save = () => user.request('device/save', { deviceId: 'new', device: { name: 'mine' } });

  it('is changed where it is in sight', async () => {
    expect(await duringRequest(create(2), save)).toMatchObject({ status: 'success' });
    expect(await service.sql(`SELECT name FROM device WHERE device_id = 'new'`)).toEqual([{ name: 'mine' }]);
  });

  it('is refused where it is not', async () => {
    expect(await duringRequest(create(3), save)).toMatchObject(denied);
    expect(await service.sql(`SELECT name FROM device WHERE device_id = 'new'`)).toEqual([{ name: 'New' }]);
  });
});

describe('a network that somebody deletes', () => {
  it('refuses the save that waits for it', async () => {
    await service.sql(`INSERT INTO network (id, name) VALUES (9, 'Gone')`);
    const save = () => admin.request('device/save', { deviceId: 'new', device: { networkId: 9 } });
    const reply = await duringRequest('DELETE FROM network WHERE id = 9', save);
    expect(reply).toMatchObject({ code: 400, error: 'Invalid request parameters' });
  });
});

describe('a request that is in the way of others', () => {
  it('gives way where both would wait for each other, and is executed once more', async () => {
    const move = () =>
      admin.request('device/save', { deviceId: 'contested', device: { name: 'moved', networkId: 3 } });
    // Its own patience never ends.
    const change = `SET LOCAL deadlock_timeout = '60s'; SELECT FROM network WHERE id = 3 FOR UPDATE`;
    const last = `UPDATE device SET name = 'x' WHERE device_id = 'contested'`;
    expect(await duringRequest(change, move, last)).toMatchObject({ status: 'success' });
    expect(await device()).toEqual({ name: 'moved', network_id: '3' });
  });

  it('is executed once more where its statement was cancelled', async () => {
    const save = () => admin.request('device/save', { deviceId: 'contested', device: { name: 'renamed' } });
    const reply = await duringRequest(MOVE, save, `SELECT pg_cancel_backend(pid) ${WAITING}`);
    expect(reply).toMatchObject({ status: 'success' });
    expect(await device()).toEqual({ name: 'renamed', network_id: '3' });
  });
});
