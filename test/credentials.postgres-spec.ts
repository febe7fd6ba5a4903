import { afterAll, beforeAll, expect, it } from 'vitest';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service?.stop());

it('a request whose credential ends while it waits for a locked row changes nothing', async () => {
  const client = await service.connect();
  const commandId = await service.insertCommand();
  const lock = await service.lock(commandId);
  const command = { status: 'stolen' };
  const body = { token: signToken(), deviceId: SAMPLE_DEVICE, commandId, command };
  const waiting = client.request('command/update', body);
  // What is sent later is served, so that it waits by now.
  await client.request('device/get', { token: body.token, deviceId: SAMPLE_DEVICE }, 0);
  await service.sql('UPDATE dh_user SET generation = 1 WHERE id = 1');
  await lock.unlock();
  expect(await waiting).toMatchObject({ code: 401, error: 'Invalid credentials' });
  expect(await service.sql('SELECT status FROM device_command WHERE id = $1', [commandId])).toEqual([
    { status: null },
  ]);
});
