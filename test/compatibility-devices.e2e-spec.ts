import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GoneDevices } from '../src/retention/gone-devices.js';
import type { TestClient } from './support/client.js';
import { connectWith } from './support/compatibility.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

const SUCCESS = { status: 'success' };
const DENIED = { code: 403, error: 'Access is denied' };

let service: TestService;
let client: TestClient;
/** a client of a user in network 1 with all device types, who does not see the device `in-two` */
let member: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'two')`);
  await service.sql(`INSERT INTO dh_user (id, login, password_hash, role) VALUES (50, 'member', '', 1)`);
  await service.sql('INSERT INTO user_network VALUES (50, 1)');
  client = await connectWith(service);
  member = await connectWith(service, { u: 50, n: ['1'] });
  await save('in-two', { networkId: 2, name: 'in two' });
});
afterAll(() => service?.stop());

const ask = (action: string, body: object = {}, by = client) =>
  by.request(action, { deviceId: SAMPLE_DEVICE, ...body });
const save = (deviceId: string, device: object, by = client) => ask('device/save', { deviceId, device }, by);
const get = async (deviceId: string) => (await ask('device/get', { deviceId })).device;
const insert = (kind: string, name: string, more: object = {}) =>
  ask(`${kind}/insert`, { [kind]: { [kind]: name, ...more } });
const KINDS = ['command', 'notification'];

describe('Actions', () => {
  it('`command/subscribe`, `notification/subscribe`', async () => {
    for (const kind of KINDS) {
      const times = ['2020-01-01T00:00:00.000', '2020-01-01T00:00:00.001', '2020-01-01T00:00:00.002'];
      for (const [n, timestamp] of times.entries()) await insert(kind, `sub/${n}`, { timestamp });
      const watcher = await connectWith(service);
      const elsewhere = { deviceId: SAMPLE_DEVICE, networkIds: [2], timestamp: times[0] };
      expect(await watcher.request(`${kind}/subscribe`, elsewhere)).toMatchObject(SUCCESS);
      const wanted = { deviceId: SAMPLE_DEVICE, networkIds: [1], timestamp: times[1], limit: 2 };
      const { subscriptionId } = await watcher.request(`${kind}/subscribe`, wanted);
      await insert(kind, 'sub/live');
      await watcher.next(({ topic }) => topic === `dh/${kind}/1/1/${SAMPLE_DEVICE}/sub/live`);
      const received = watcher.messages
        .slice(-4)
        .map(({ json }) => [json[kind]?.[kind], json.subscriptionId]);
      const names = [undefined, 'sub/1', 'sub/2', 'sub/live'];
      expect(received).toEqual(names.map((name) => [name, subscriptionId]));
      expect(watcher.events()).toHaveLength(3);
      const rest = { hasMore: true, timestamp: times[1], afterId: expect.any(Number) };
      expect(await watcher.request(`${kind}/subscribe`, { ...wanted, limit: 1 })).toMatchObject(rest);
    }
  });

  it('`command/unsubscribe`, `notification/unsubscribe`', async () => {
    const watcher = await connectWith(service);
    for (const kind of KINDS) {
      const { subscriptionId } = await watcher.request(`${kind}/subscribe`);
      expect(await watcher.request(`${kind}/unsubscribe`, { subscriptionId })).toMatchObject(SUCCESS);
      const error = `Subscription with id ${subscriptionId} was not found`;
      expect(await watcher.request(`${kind}/unsubscribe`, { subscriptionId })).toMatchObject({
        code: 404,
        error,
      });
      await watcher.request(`${kind}/subscribe`);
      expect(await watcher.request(`${kind}/unsubscribe`)).toMatchObject(SUCCESS);
    }
    expect((await watcher.request('subscription/list')).subscriptions).toEqual([]);
  });

  it('`subscription/list`', async () => {
    const watcher = await connectWith(service);
    const { subscriptionId } = await watcher.request('command/subscribe', { names: ['x'] });
    await watcher.subscribe(`dh/notification/+/+/${SAMPLE_DEVICE}/#`);
    const open = { deviceId: null, networkIds: null, deviceTypeIds: null, names: null, timestamp: null };
    expect((await watcher.request('subscription/list')).subscriptions).toEqual([
      { ...open, subscriptionId, type: 'command', names: ['x'] },
      { ...open, subscriptionId: 0, type: 'notification', deviceId: SAMPLE_DEVICE },
    ]);
  });

  it('`notification/insert`', async () => {
    const [first, second] = [await insert('notification', 'x'), await insert('notification', 'x')];
    expect(Object.keys(first.notification)).toEqual(['id', 'timestamp']);
    expect(first.notification.id).not.toBe(second.notification.id);
    const stored = await service.sql(
      `SELECT id FROM device_notification WHERE notification = 'x' ORDER BY id`,
    );
    expect(stored).toEqual([first, second].map(({ notification }) => ({ id: String(notification.id) })));
  });

  it('`notification/get`, `notification/list`', async () => {
    for (const name of ['b', 'B', 'a']) await insert('notification', name, { timestamp: '2019-01-01' });
    const body = { end: '2019-01-01', sortField: 'notification', sortOrder: 'asc', skip: 1, take: 1 };
    const { notifications } = await ask('notification/list', body);
    expect(notifications).toMatchObject([{ notification: 'a' }]);
    const notificationId = notifications[0].id;
    expect((await ask('notification/get', { notificationId })).notification).toEqual(notifications[0]);
    for (const action of ['notification/get', 'notification/list']) {
      expect(await ask(action, { deviceId: 'in-two', notificationId }, member)).toMatchObject(DENIED);
    }
  });

  it('`device/save`', async () => {
    const device = { name: 'lamp', data: { a: 1 }, networkId: 2, deviceTypeId: 1, isBlocked: true };
    await save('lamp', device);
    await save('lamp', { name: null, isBlocked: false });
    expect(await get('lamp')).toEqual({ id: 'lamp', ...device, isBlocked: false });
    const { notifications } = await ask('notification/list', { deviceId: 'lamp' });
    const told = notifications.map(({ notification }: { notification: string }) => notification);
    expect(told).toEqual(['$device-add', '$device-update']);
    expect(await save('new', {}, member)).toMatchObject(SUCCESS);
    expect(await get('new')).toMatchObject({ name: 'new', networkId: 1, deviceTypeId: 1 });
    for (const place of [{ networkId: 2 }, { deviceTypeId: 999 }]) {
      expect(await save('new', place, member)).toMatchObject(DENIED);
    }
  });

  it('`device/get`', async () => {
    expect(await get(SAMPLE_DEVICE)).toEqual({
      id: SAMPLE_DEVICE,
      name: 'Sample Device',
      data: null,
      networkId: 1,
      deviceTypeId: 1,
      isBlocked: false,
    });
  });

  it('`device/list`, `device/count`', async () => {
    await save('listed-b', { name: 'listed b', networkId: 1 });
    await save('listed-a', { name: 'listed%a', networkId: 1, isBlocked: true });
    await save('listed-2', { name: 'listed 2', networkId: 2 });
    const ids = async (body: object, by = member) =>
      (await ask('device/list', { namePattern: 'listed%', ...body }, by)).devices.map(
        ({ id }: { id: string }) => id,
      );
    expect(await ids({}, client)).toEqual(['listed-b', 'listed-a', 'listed-2']);
    expect(await ids({})).toEqual(['listed-b', 'listed-a']);
    expect(await ask('device/count', { namePattern: 'listed%' }, member)).toMatchObject({ count: 2 });
    expect(await ids({ sortField: 'status' })).toEqual(['listed-b', 'listed-a']);
    expect(await ids({ sortField: 'status', sortOrder: 'desc' })).toEqual(['listed-a', 'listed-b']);
    expect(await ids({ namePattern: 'listed\\%' })).toEqual([]);
    expect(await ids({ namePattern: 'listed_a' })).toEqual(['listed-a']);
  });

  it('`device/delete`', async () => {
    await save('doomed', {});
    const { command } = await ask('command/insert', { deviceId: 'doomed', command: {} });
    const told = () => service.sql(`SELECT FROM device_notification WHERE parameters->>'id' = 'doomed'`);
    expect(await told()).toHaveLength(1);
    expect(await ask('device/delete', { deviceId: 'doomed' })).toMatchObject(SUCCESS);
    const get = { deviceId: 'doomed', commandId: command.id };
    expect(await ask('command/get', get)).toMatchObject({ code: 404 });
    await service.app.get(GoneDevices).run();
    expect(await service.command(command.id)).toBeUndefined();
    expect(await told()).toEqual([]);
    expect(await ask('device/delete', { deviceId: 'doomed' })).toMatchObject({ code: 404 });
  });
});

describe('Requests', () => {
  it('403 or 404 for a device', async () => {
    await service.sql(
      `INSERT INTO dh_user (id, login, password_hash, role)
       SELECT 51, 'client', password_hash, 1 FROM dh_user WHERE login = '${ADMIN.username}'`,
    );
    const login = await service.connect({ ...ADMIN, username: 'client' });
    for (const deviceId of ['in-two', 'unknown']) {
      expect(await ask('device/get', { deviceId }, member)).toMatchObject(DENIED);
      expect(await ask('device/get', { deviceId }, login)).toMatchObject(DENIED);
      const error = `Device with such deviceId = ${deviceId} not found`;
      const unlimited = { deviceId, token: signToken({ u: 50 }) };
      expect(await ask('device/get', unlimited)).toMatchObject({ code: 404, error });
    }
  });
});
