import { Module } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ActionController, DEVICEHIVE, RequirePermission } from '../src/index.js';
import type { TestClient } from './support/client.js';
import { TestService } from './support/service.js';
import { signToken } from './support/token.js';

@ActionController()
class RebootController {
  @MessagePattern('reboot/now', DEVICEHIVE)
  @RequirePermission('ManageReboot')
  now() {}
}
@Module({ controllers: [RebootController] })
class RebootModule {}

const CLIENT_ID = 70;
let service: TestService;
let client: TestClient;

beforeAll(async () => {
  service = await TestService.start({}, [RebootModule]);
  await service.sql(`INSERT INTO dh_user (id, login, password_hash, role) VALUES ($1, 'client', '', 1)`, [
    CLIENT_ID,
  ]);
  client = await service.connect();
});
afterAll(() => service?.stop());

const reboot = (claims: object) => client.request('reboot/now', { token: signToken(claims) });
const create = (payload: object, claims: object = {}) =>
  client.request('token/create', { token: signToken(claims), payload });

describe('a permission of an extension', () => {
  it('is among all that an administrator may do, and in no other id', async () => {
    expect(await reboot({ a: [0] })).toMatchObject({ status: 'success' });
    const others = Array.from({ length: 17 }, (_, i) => i + 2);
    expect(await reboot({ a: others })).toMatchObject({ code: 403 });
  });

  it('is carried by its name, and grants nothing else', async () => {
    const token = signToken({ a: ['ManageReboot'] });
    expect(await client.request('reboot/now', { token })).toMatchObject({ status: 'success' });
    expect(await client.request('device/list', { token })).toMatchObject({ code: 403 });
    expect(await reboot({ a: ['managereboot', 'Other'] })).toMatchObject({ code: 403 });
  });

  it('comes to a client by a token that an administrator makes, which can be refreshed', async () => {
    const { accessToken, refreshToken } = await create({ userId: CLIENT_ID, actions: ['ManageReboot', '*'] });
    expect(await client.request('reboot/now', { token: accessToken })).toMatchObject({ status: 'success' });
    const refreshed = await client.request('token/refresh', { refreshToken });
    expect(await client.request('reboot/now', { token: refreshed.accessToken })).toMatchObject({
      status: 'success',
    });
  });

  it('is not part of what a client may do, whoever says *', async () => {
    const { accessToken } = await create({ userId: CLIENT_ID, actions: ['*'] });
    expect(await client.request('reboot/now', { token: accessToken })).toMatchObject({ code: 403 });
    const own = await create({ userId: CLIENT_ID, actions: ['ManageReboot'] }, { u: CLIENT_ID, a: [0] });
    expect(own).toMatchObject({ code: 403 });
  });

  it('must be one that a handler requires', async () => {
    expect(await create({ userId: 1, actions: ['constructor'] })).toMatchObject({
      code: 400,
      error: 'Unknown action: constructor',
    });
  });

  it('is told by the log at the start', () => {
    expect(service.logger.lines.join('\n')).toContain('Permissions beside those of DeviceHive: ManageReboot');
  });
});
