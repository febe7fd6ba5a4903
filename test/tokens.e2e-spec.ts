import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { ALL, type Claims, signToken, unsignedToken } from './support/token.js';

let service: TestService;
let client: TestClient;
let id: number;

beforeAll(async () => {
  service = await TestService.start();
  client = await service.connect();
  id = await service.insertCommand();
});
afterAll(() => service?.stop());

const update = (token?: unknown, deviceId = SAMPLE_DEVICE) =>
  client.request('command/update', { token, deviceId, commandId: id, command: { status: 'x' } });

/** A user of role client, in one network, with all device types unless told. */
async function addUser(login: string, networkId: number | null, allTypes = true): Promise<number> {
  const [user] = await service.sql<{ id: string }>(
    `INSERT INTO dh_user (login, password_hash, role, all_device_types_available)
     SELECT $1, password_hash, 1, $2 FROM dh_user WHERE login = 'dhadmin' RETURNING id`,
    [login, allTypes],
  );
  const userId = Number(user!.id);
  if (networkId) await service.sql('INSERT INTO user_network VALUES ($1, $2)', [userId, networkId]);
  return userId;
}

describe('a request with a token of its own', () => {
  it('is executed without any session', async () => {
    expect(await update(signToken())).toMatchObject({ status: 'success' });
  });

  it.each<[string, () => unknown, number, string]>([
    ['none at all', () => undefined, 401, 'Unauthorized'],
    ['an empty one', () => '', 401, 'Unauthorized'],
    ['a number', () => 5, 401, 'Invalid credentials'],
    ['no JWT', () => 'abc', 401, 'Invalid credentials'],
    ['alg none', unsignedToken, 401, 'Invalid credentials'],
    ['an expired one', () => signToken({ e: Date.now() - 1 }), 401, 'Token expired'],
    ['a refresh token', () => signToken({ t: 0 }), 401, 'Invalid credentials'],
    [
      'one of another secret',
      () => signToken({}, Buffer.alloc(48, 1).toString('base64')),
      401,
      'Invalid credentials',
    ],
    ['one without a type', () => signToken({ t: undefined }), 401, 'Invalid credentials'],
    ['one without an expiry', () => signToken({ e: null }), 401, 'Invalid credentials'],
    ['one with an unknown permission', () => signToken({ a: [99] }), 401, 'Invalid credentials'],
    ['one with a list for a network', () => signToken({ n: [['*']] }), 401, 'Invalid credentials'],
    ['one of a plugin', () => signToken({ u: undefined, tpc: 'topic' }), 401, 'Invalid credentials'],
    ['one of an unknown user', () => signToken({ u: 4711 }), 401, 'Invalid credentials'],
    [
      'one that brings its key',
      () => signToken({}, undefined, { alg: 'HS256', jku: 'http://x' }),
      401,
      'Invalid credentials',
    ],
    ['another permission', () => signToken({ a: [5, 7] }), 403, 'Access is denied'],
    ['no permission', () => signToken({ a: [] }), 403, 'Access is denied'],
    ['no list of permissions', () => signToken({ a: undefined }), 403, 'Access is denied'],
    ['another network', () => signToken({ n: ['999'] }), 403, 'Access is denied'],
    ['no network', () => signToken({ n: undefined }), 403, 'Access is denied'],
    ['another device type', () => signToken({ dt: ['999'] }), 403, 'Access is denied'],
  ])('that is %s is answered so', async (_, token, code, error) => {
    expect(await update(token())).toMatchObject({ status: 'error', code, error });
  });

  it.each<[string, Claims]>([
    ['the permission alone', { a: [8] }],
    ['the device by its ids', { a: [8], n: ['1'], dt: ['1'] }],
    ['all device types by leaving them out', { dt: undefined }],
  ])('that allows %s is executed', async (_, claims) => {
    expect(await update(signToken({ ...ALL, ...claims }))).toMatchObject({ status: 'success' });
  });

  it('never tells a limited token whether a device exists', async () => {
    const limited = signToken({ n: ['1'] });
    expect(await update(limited, 'no-such-device')).toMatchObject({ code: 403, error: 'Access is denied' });
    expect(await update(signToken(), 'no-such-device')).toMatchObject({ code: 404 });
  });

  it('wins over the session of its connection', async () => {
    const admin = await service.connectAdmin();
    const reply = await admin.request('command/get', {
      token: signToken({ a: [8] }),
      deviceId: SAMPLE_DEVICE,
      commandId: id,
    });
    expect(reply).toMatchObject({ code: 403 });
  });

  it('is limited to what its user may see now, whatever the token says', async () => {
    const member = await addUser('member', 1);
    const outsider = await addUser('outsider', null);
    expect(await update(signToken({ u: member }))).toMatchObject({ status: 'success' });
    expect(await update(signToken({ u: outsider }))).toMatchObject({ code: 404 });
    expect(await update(signToken({ u: outsider, n: ['1'] }))).toMatchObject({ code: 403 });
    await service.sql('DELETE FROM user_network WHERE user_id = $1', [member]);
    expect(await update(signToken({ u: member }))).toMatchObject({ code: 404 });
  });

  it('needs its user to have the device type, where types are assigned', async () => {
    const typed = await addUser('typed', 1, false);
    expect(await update(signToken({ u: typed }))).toMatchObject({ code: 404 });
    await service.sql('INSERT INTO user_device_type VALUES ($1, 1)', [typed]);
    expect(await update(signToken({ u: typed }))).toMatchObject({ status: 'success' });
  });

  it('stops working when its user is disabled', async () => {
    const user = await addUser('disabled', 1);
    await service.sql('UPDATE dh_user SET status = 2 WHERE id = $1', [user]);
    expect(await update(signToken({ u: user }))).toMatchObject({ code: 401, error: 'Invalid credentials' });
  });
});

describe('authenticate', () => {
  it('opens the session of its connection', async () => {
    const device = await service.connect();
    const reply = await device.send(
      JSON.stringify({ action: 'authenticate', requestId: [1], token: signToken() }),
    );
    expect(reply.topic).toBe(`dh/response/authenticate@${device.id}`);
    expect(reply.json).toEqual({ action: 'authenticate', requestId: [1], status: 'success' });
    const get = await device.request('command/get', { deviceId: SAMPLE_DEVICE, commandId: id });
    expect(get).toMatchObject({ status: 'success', command: { id } });
  });

  it.each<[string, () => unknown, number, string]>([
    ['none', () => undefined, 401, 'Unauthorized'],
    ['an empty one', () => '', 401, 'Unauthorized'],
    ['a refresh token', () => signToken({ t: 0 }), 401, 'Invalid credentials'],
    ['an expired one', () => signToken({ e: Date.now() - 1 }), 401, 'Token expired'],
    ['one of an unknown user', () => signToken({ u: 4711 }), 401, 'Invalid credentials'],
    ['an object', () => ({}), 400, 'Malformed Json received.'],
  ])('refuses %s', async (_, token, code, error) => {
    expect(await client.request('authenticate', { token: token() })).toMatchObject({ code, error });
  });

  it('lasts no longer than the token', async () => {
    const device = await service.connect();
    const expiresAt = Date.now() + 1_500;
    await device.authenticate(signToken({ e: expiresAt }));
    const get = () => device.request('command/get', { deviceId: SAMPLE_DEVICE, commandId: id });
    expect(await get()).toMatchObject({ status: 'success' });
    await expect.poll(get, { timeout: 5_000 }).toMatchObject({ code: 401, error: 'Token expired' });
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
  });
});

describe('token', () => {
  it('gives tokens for a login and a password, and leaves the session as it is', async () => {
    const device = await service.connect();
    const reply = await device.request('token', { login: ADMIN.username, password: ADMIN.password });
    expect(reply).toMatchObject({ status: 'success' });
    const payload = (token: string) =>
      JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()).payload as Record<
        string,
        unknown
      >;
    expect(payload(reply.accessToken)).toMatchObject({ u: 1, a: [0], n: ['*'], dt: ['*'], t: 1 });
    expect(payload(reply.refreshToken)).toMatchObject({ t: 0 });
    expect(await device.request('command/get', { deviceId: SAMPLE_DEVICE, commandId: id })).toMatchObject({
      code: 401,
    });
    expect(await update(reply.accessToken)).toMatchObject({ status: 'success' });
  });

  it('gives a client the rights of a client', async () => {
    await addUser('ordinary', 1);
    const { accessToken } = await client.request('token', { login: 'ordinary', password: ADMIN.password });
    const { payload } = JSON.parse(Buffer.from(String(accessToken).split('.')[1]!, 'base64url').toString());
    expect(payload).toMatchObject({ a: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 17], n: ['1'], dt: ['*'] });
  });

  it.each<[string, object, number, string]>([
    ['an unknown login', { login: 'nobody', password: 'x' }, 401, 'Invalid credentials'],
    ['a wrong password', { login: 'dhadmin', password: 'x' }, 401, 'Invalid credentials'],
    ['no login', { password: 'x' }, 400, 'Invalid or empty authorization request parameters'],
    [
      'a blank login',
      { login: ' ', password: 'x' },
      400,
      'Invalid or empty authorization request parameters',
    ],
    [
      'an empty password',
      { login: 'dhadmin', password: '' },
      400,
      'Invalid or empty authorization request parameters',
    ],
  ])('refuses %s', async (_, credentials, code, error) => {
    expect(await client.request('token', credentials)).toMatchObject({ code, error });
  });

  it('writes no password and no token to the log', () => {
    const log = service.logger.lines.join('\n');
    expect(log).not.toContain(ADMIN.password);
    expect(log).not.toContain('eyJ');
  });
});
