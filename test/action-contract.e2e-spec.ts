import { afterAll } from 'vitest';
import { type ActionContract, describeActionContract as describeContract } from '../src/testing/index.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

/** On the project's database: one for all, which no contract stops. */
let service: Promise<TestService> | undefined;
const start = async (): Promise<TestService> =>
  Object.create(await (service ??= TestService.start()), { stop: { value: async () => undefined } });
afterAll(async () => (await service)?.stop());
const describeActionContract = (contract: ActionContract<TestService>) =>
  describeContract({ ...contract, start });

describeActionContract({
  action: 'command/update',
  permission: 'UpdateDeviceCommand',
  body: async (service) => ({
    deviceId: SAMPLE_DEVICE,
    commandId: await service.insertCommand(),
    command: { status: 'done' },
  }),
  wrong: [{ commandId: 'x' }, { deviceId: null }, { command: 5 }],
});

describeActionContract({
  action: 'command/insert',
  permission: 'CreateDeviceCommand',
  body: () => ({ deviceId: SAMPLE_DEVICE, command: { command: 'led/on' } }),
  wrong: [{ deviceId: null }, { command: null }, { command: { lifetime: 'x' } }],
});

describeActionContract({
  action: 'command/get',
  permission: 'GetDeviceCommand',
  body: async (service) => ({ deviceId: SAMPLE_DEVICE, commandId: await service.insertCommand() }),
  wrong: [{ commandId: null }, { deviceId: {} }],
});

describeActionContract({
  action: 'authenticate',
  permission: null,
  body: () => ({ token: signToken() }),
  wrong: [{ token: {} }],
});

describeActionContract({
  action: 'token',
  permission: null,
  body: () => ({ login: ADMIN.username, password: ADMIN.password }),
  wrong: [{ login: null }, { password: '' }],
});

describeActionContract({
  action: 'command/list',
  permission: 'GetDeviceCommand',
  body: () => ({ deviceId: SAMPLE_DEVICE }),
  wrong: [{ deviceId: null }, { start: 'x' }, { names: 5 }, { take: {} }],
});

describeActionContract({
  action: 'token/create',
  permission: 'ManageToken',
  body: () => ({ payload: { userId: 1, actions: ['ManageToken'], networkIds: ['*'] } }),
  wrong: [{ payload: null }, { payload: {} }, { payload: { userId: 1, actions: ['Fly'] } }],
});

describeActionContract({
  action: 'token/refresh',
  permission: null,
  body: () => ({ refreshToken: signToken({ t: 0 }) }),
  wrong: [{ refreshToken: null }, { refreshToken: {} }],
});

describeActionContract({ action: 'server/info', permission: null, body: () => ({}), wrong: [] });

describeActionContract({ action: 'cluster/info', permission: null, body: () => ({}), wrong: [] });

describeActionContract({
  action: 'notification/insert',
  permission: 'CreateDeviceNotification',
  body: () => ({ deviceId: SAMPLE_DEVICE, notification: { notification: 'beep' } }),
  wrong: [{ notification: null }, { notification: {} }, { deviceId: null }],
});

describeActionContract({
  action: 'notification/get',
  permission: 'GetDeviceNotification',
  body: async (service) => {
    const [row] = await service.sql<{ id: string }>(
      `INSERT INTO device_notification (device, notification, timestamp)
       SELECT id, 'beep', now() FROM device WHERE device_id = '${SAMPLE_DEVICE}' RETURNING id`,
    );
    return { deviceId: SAMPLE_DEVICE, notificationId: Number(row!.id) };
  },
  wrong: [{ notificationId: null }, { notificationId: 'x' }, { deviceId: null }],
});

describeActionContract({
  action: 'notification/list',
  permission: 'GetDeviceNotification',
  body: () => ({ deviceId: SAMPLE_DEVICE }),
  wrong: [{ deviceId: null }, { start: 'x' }, { take: {} }],
});

describeActionContract({
  action: 'device/save',
  permission: 'RegisterDevice',
  body: () => ({ deviceId: 'saved', device: { name: 'Saved' } }),
  wrong: [{ deviceId: 'a b' }, { device: null }, { device: { networkId: 'x' } }],
});

describeActionContract({
  action: 'device/get',
  permission: 'GetDevice',
  body: () => ({ deviceId: SAMPLE_DEVICE }),
  wrong: [{ deviceId: null }, { deviceId: {} }],
});

describeActionContract({
  action: 'device/list',
  permission: 'GetDevice',
  body: () => ({}),
  wrong: [{ take: 'x' }, { networkId: {} }],
});

describeActionContract({
  action: 'device/count',
  permission: 'GetDevice',
  body: () => ({}),
  wrong: [{ name: [] }, { networkId: 1.5 }],
});

describeActionContract({
  action: 'device/delete',
  permission: 'RegisterDevice',
  body: async (service) => {
    await service.sql(
      `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('doomed', 'D', 1, 1)
       ON CONFLICT DO NOTHING`,
    );
    return { deviceId: 'doomed' };
  },
  wrong: [{ deviceId: null }, { deviceId: {} }],
});

describeActionContract({
  action: 'command/subscribe',
  permission: 'GetDeviceCommand',
  body: async () => ({ deviceId: SAMPLE_DEVICE }),
  wrong: [{ deviceId: {} }, { networkIds: 'x' }, { names: {} }, { limit: 1.5 }, { returnUpdatedCommands: 5 }],
});

describeActionContract({
  action: 'command/unsubscribe',
  permission: 'GetDeviceCommand',
  body: () => ({}),
  wrong: [{ subscriptionId: 'x' }],
});

describeActionContract({
  action: 'notification/subscribe',
  permission: 'GetDeviceNotification',
  body: async () => ({ deviceId: SAMPLE_DEVICE }),
  wrong: [{ deviceId: {} }, { deviceTypeIds: [null] }, { timestamp: {} }, { afterId: 'x' }],
});

describeActionContract({
  action: 'notification/unsubscribe',
  permission: 'GetDeviceNotification',
  body: () => ({}),
  wrong: [{ subscriptionId: {} }],
});
