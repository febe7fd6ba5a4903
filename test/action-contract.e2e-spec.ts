import { describeActionContract } from './support/action-contract.js';
import { ADMIN, SAMPLE_DEVICE } from './support/service.js';
import { signToken } from './support/token.js';

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
