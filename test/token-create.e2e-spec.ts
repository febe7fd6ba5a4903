import { generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CLIENT_PERMISSION_IDS } from '../src/protocol/permissions.js';
import type { TestClient } from './support/client.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { type Claims, signToken } from './support/token.js';

const CLIENT = [...CLIENT_PERMISSION_IDS];
const DAY = 86_400_000;
const DENIED = { code: 403, error: 'Access is denied' };

let service: TestService;
let client: TestClient;
/** user ids; `member` is in networks 1 and 2, and sees the device types that are assigned to it: 1 */
let member: number;
let other: number;
let secondAdmin: number;
let disabled: number;

beforeAll(async () => {
  service = await TestService.start();
  client = await service.connect();
  await service.sql(`INSERT INTO network (id, name) OVERRIDING SYSTEM VALUE VALUES (2, 'two'), (3, 'three')`);
  await service.sql(`INSERT INTO device_type (id, name) OVERRIDING SYSTEM VALUE VALUES (2, 'two')`);
  member = await addUser('member', { types: [1] });
  other = await addUser('other', {});
  secondAdmin = await addUser('second-admin', { role: 0 });
  disabled = await addUser('disabled', { status: 2 });
});
afterAll(() => service?.stop());

async function addUser(
  login: string,
  { role = 1, status = 0, types }: { role?: number; status?: number; types?: number[] },
): Promise<number> {
  const [user] = await service.sql<{ id: string }>(
    `INSERT INTO dh_user (login, password_hash, role, status, all_device_types_available)
     SELECT $1, password_hash, $2, $3, $4 FROM dh_user WHERE login = 'dhadmin' RETURNING id`,
    [login, role, status, types === undefined],
  );
  const id = Number(user!.id);
  await service.sql('INSERT INTO user_network VALUES ($1, 1), ($1, 2)', [id]);
  for (const type of types ?? [])
    await service.sql('INSERT INTO user_device_type VALUES ($1, $2)', [id, type]);
  return id;
}

type Payload = Claims & Record<string, unknown>;
const payloadOf = (token: string) =>
  (JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { payload: Payload }).payload;

const create = (token: string, payload: unknown, by = client) =>
  by.request('token/create', { token, payload });
const refresh = (refreshToken: unknown) => client.request('token/refresh', { refreshToken });
const getCommand = async (token: string) =>
  client.request('command/get', { token, deviceId: SAMPLE_DEVICE, commandId: await service.insertCommand() });

/** What the created access token carries, or the code of the error. */
async function created(token: string, payload: object): Promise<unknown> {
  const reply = await create(token, payload);
  if (reply.status !== 'success') return reply.code;
  const { a, n, dt } = payloadOf(reply.accessToken);
  return { a, n, dt };
}

describe('token/create', () => {
  const admin = () => signToken();
  const narrowAdmin = () => signToken({ a: [15, 5, 8, 10, 12], n: ['1', '3'], dt: ['1'] });
  const agent = () => signToken({ a: [15, 5, 10], n: ['1', '3'] });
  const asClient = () => signToken({ u: member, a: CLIENT });
  const forged = () => signToken({ u: member });
  const narrowClient = () => signToken({ u: member, a: [15, 5], n: ['1', '3'], dt: ['*'] });
  const all = { actions: ['*'], networkIds: ['*'], deviceTypeIds: ['*'] };

  it.each<[string, () => string, () => number, object, unknown]>([
    // An administrator without limits passes on everything, to whom it likes.
    ['admin: *', admin, () => 1, all, { a: [0], n: ['*'], dt: ['*'] }],
    ['admin: * for another admin', admin, () => secondAdmin, all, { a: [0], n: ['*'], dt: ['*'] }],
    ['admin: * for a client', admin, () => member, all, { a: CLIENT, n: ['*'], dt: ['*'] }],
    ['admin: 0 for a client', admin, () => member, { actions: [0] }, { a: CLIENT, n: [], dt: ['*'] }],
    ['admin: ManageUser for a client', admin, () => member, { actions: [12] }, 403],
    [
      'admin: some',
      admin,
      () => 1,
      { actions: ['GetDevice', '8'], networkIds: [3] },
      { a: [3, 8], n: ['3'], dt: ['*'] },
    ],
    ['admin: nothing named', admin, () => 1, {}, { a: [1], n: [], dt: ['*'] }],
    [
      'admin: empty lists',
      admin,
      () => 1,
      { actions: [], networkIds: [], deviceTypeIds: [] },
      { a: [1], n: [], dt: [] },
    ],
    ['admin: an unknown user', admin, () => 4711, all, 404],
    ['admin: a disabled user', admin, () => disabled, all, 403],
    ['admin: a user below zero', admin, () => -1, all, 404],
    // A narrowed administrator passes on what it is narrowed to.
    ['narrowed admin: *', narrowAdmin, () => 1, all, { a: [15, 5, 8, 10, 12], n: ['1', '3'], dt: ['1'] }],
    [
      'narrowed admin: [0]',
      narrowAdmin,
      () => 1,
      { actions: [0] },
      { a: [15, 5, 8, 10, 12], n: [], dt: ['1'] },
    ],
    ['narrowed admin: beyond', narrowAdmin, () => 1, { actions: [7] }, 403],
    ['narrowed admin: another network', narrowAdmin, () => 1, { networkIds: ['1', '2'] }, 403],
    ['narrowed admin: another type', narrowAdmin, () => 1, { deviceTypeIds: ['2'] }, 403],
    [
      'narrowed admin: * for another admin',
      narrowAdmin,
      () => secondAdmin,
      all,
      { a: [15, 5, 8, 10, 12], n: ['1', '3'], dt: ['1'] },
    ],
    [
      'narrowed admin: * for a client',
      narrowAdmin,
      () => member,
      all,
      { a: [5, 8, 10, 15], n: ['1', '3'], dt: ['1'] },
    ],
    [
      'admin without ManageUser: its own user',
      agent,
      () => 1,
      { actions: [10] },
      { a: [10], n: [], dt: ['*'] },
    ],
    ['admin without ManageUser: another user', agent, () => secondAdmin, { actions: [10] }, 403],
    [
      'admin without ManageUser: * for another',
      agent,
      () => secondAdmin,
      all,
      { a: [15, 5], n: ['1', '3'], dt: ['*'] },
    ],
    // A client passes on what a client may do, and what it may see now.
    ['client: *', asClient, () => member, all, { a: CLIENT, n: ['1', '2'], dt: ['1'] }],
    ['client: types left out', asClient, () => member, { networkIds: [1] }, { a: [1], n: ['1'], dt: ['1'] }],
    [
      'client: all actions by id',
      asClient,
      () => member,
      { actions: CLIENT },
      { a: CLIENT, n: [], dt: ['1'] },
    ],
    ['client: ["0"]', asClient, () => member, { actions: ['0'] }, { a: CLIENT, n: [], dt: ['1'] }],
    ['client: ManageUser', asClient, () => member, { actions: ['ManageUser'] }, 403],
    ['client: * and ManageUser', asClient, () => member, { actions: ['*', 12] }, 403],
    ['client: another network', asClient, () => member, { networkIds: ['3'] }, 403],
    [
      'client: ["1", "*"]',
      asClient,
      () => member,
      { networkIds: ['1', '*'] },
      { a: [1], n: ['1', '2'], dt: ['1'] },
    ],
    ['client: ["3", "*"]', asClient, () => member, { networkIds: ['3', '*'] }, 403],
    ['client: an unknown network', asClient, () => member, { networkIds: [4711] }, 403],
    ['client: another type', asClient, () => member, { deviceTypeIds: [2] }, 403],
    ['client: another client', asClient, () => other, {}, 403],
    ['client: an administrator', asClient, () => 1, all, 403],
    ['client: an unknown user', asClient, () => 4711, all, 403],
    ['client: a disabled user', asClient, () => disabled, all, 403],
    [
      'client with a token of everything: *',
      forged,
      () => member,
      all,
      { a: CLIENT, n: ['1', '2'], dt: ['1'] },
    ],
    ['client with a token of everything: ManageUser', forged, () => member, { actions: [12] }, 403],
    ['client with a token of everything: another user', forged, () => other, {}, 403],
    ['narrowed client: *', narrowClient, () => member, all, { a: [5, 15], n: ['1'], dt: ['1'] }],
    ['narrowed client: beyond', narrowClient, () => member, { actions: [8] }, 403],
    ['narrowed client: a network it was in', narrowClient, () => member, { networkIds: [3] }, 403],
    ['narrowed client: a network of its user', narrowClient, () => member, { networkIds: [2] }, 403],
  ])('%s', async (_, token, userId, requested, expected) => {
    expect(await created(token(), { userId: userId(), ...requested })).toEqual(expected);
  });

  it.each<[string, () => object, () => unknown, object]>([
    ['nobody', () => ({}), () => ({ userId: 1 }), { code: 401, error: 'Unauthorized' }],
    ['nobody, and no payload', () => ({}), () => undefined, { code: 401, error: 'Unauthorized' }],
    ['who lacks ManageToken', () => ({ token: signToken({ a: [5] }) }), () => ({ userId: 1 }), DENIED],
    [
      'who has only a refresh token',
      () => ({ token: signToken({ t: 0 }) }),
      () => ({ userId: 1 }),
      { code: 401 },
    ],
    [
      'who is disabled',
      () => ({ token: signToken({ u: disabled }) }),
      () => ({ userId: disabled }),
      { code: 401, error: 'Invalid credentials' },
    ],
    [
      'who asks for nobody',
      () => ({ token: signToken() }),
      () => undefined,
      { code: 400, error: 'Missing or invalid payload in request' },
    ],
    [
      'who asks for an unknown user',
      () => ({ token: signToken() }),
      () => ({ userId: 4711 }),
      { code: 404, error: 'User with id = 4711 not found' },
    ],
    [
      'who asks for a disabled user',
      () => ({ token: signToken() }),
      () => ({ userId: disabled }),
      { code: 403, error: 'User is locked or disabled' },
    ],
    [
      'who, as a client, asks for an unknown user',
      () => ({ token: asClient() }),
      () => ({ userId: 4711 }),
      DENIED,
    ],
  ])('answers %s', async (_, credential, payload, expected) => {
    expect(await client.request('token/create', { ...credential(), payload: payload() })).toMatchObject(
      expected,
    );
  });

  it('works with a session, and makes tokens that work', async () => {
    const session = await service.connect({ ...ADMIN, username: 'member' });
    const reply = await session.request('token/create', {
      payload: { userId: member, actions: ['GetDeviceCommand'], networkIds: ['1'] },
    });
    expect(reply).toEqual({
      action: 'token/create',
      requestId: reply.requestId,
      status: 'success',
      accessToken: expect.any(String),
      refreshToken: expect.any(String),
    });
    expect(payloadOf(reply.accessToken)).toMatchObject({ u: member, a: [5], n: ['1'], dt: ['1'], t: 1 });
    expect(payloadOf(reply.refreshToken)).toMatchObject({ u: member, a: [5], n: ['1'], dt: ['1'], t: 0 });
    expect(await getCommand(reply.accessToken)).toMatchObject({ status: 'success' });
    const update = { token: reply.accessToken, deviceId: SAMPLE_DEVICE, commandId: 1, command: {} };
    expect(await client.request('command/update', update)).toMatchObject(DENIED);
  });

  it('never adds a right, however often a token makes the next one', async () => {
    let token = signToken({ u: member, a: [15, 5, 8], n: ['1', '3'] });
    const steps = [all, { ...all, actions: ['ManageToken', 5] }, { ...all, networkIds: [1] }, all];
    for (const step of steps)
      token = (await create(token, { userId: member, ...step })).accessToken as string;
    expect(payloadOf(token)).toMatchObject({ a: [5, 15], n: ['1'], dt: ['1'] });
    expect(await created(token, { userId: member, actions: [8] })).toBe(403);
    expect(await created(token, { userId: member, networkIds: [2] })).toBe(403);
    expect(await created(token, { userId: 1, ...all })).toBe(403);
    const [{ refreshToken }, last] = [
      await create(token, { userId: member, ...all }),
      await create(token, { userId: member, actions: [5], networkIds: [1] }),
    ];
    expect(payloadOf((await refresh(refreshToken)).accessToken)).toMatchObject({ a: [5, 15], n: ['1'] });
    expect(await create(last!.accessToken, { userId: member })).toMatchObject(DENIED);
  });

  it('follows the memberships of the caller', async () => {
    const user = await addUser('leaver', {});
    const token = signToken({ u: user, a: CLIENT });
    expect(await created(token, { userId: user, networkIds: ['*'] })).toMatchObject({ n: ['1', '2'] });
    await service.sql('DELETE FROM user_network WHERE user_id = $1 AND network_id = 1', [user]);
    expect(await created(token, { userId: user, networkIds: ['*'] })).toMatchObject({ n: ['2'] });
    expect(await created(token, { userId: user, networkIds: ['1'] })).toBe(403);
    await service.sql('DELETE FROM user_network WHERE user_id = $1', [user]);
    expect(await created(token, { userId: user, networkIds: ['*'] })).toMatchObject({ n: [] });
  });

  it('makes a token of an administrator no stronger than the user it is for', async () => {
    const reply = await create(signToken(), { userId: other, actions: [5], networkIds: ['3'] });
    expect(await getCommand(reply.accessToken)).toMatchObject(DENIED);
    const everything = await create(signToken(), { userId: other, ...all });
    expect(await getCommand(everything.accessToken)).toMatchObject({ status: 'success' });
    await service.sql('DELETE FROM user_network WHERE user_id = $1', [other]);
    expect(await getCommand(everything.accessToken)).toMatchObject({ status: 'error' });
    expect(await created(everything.accessToken, { userId: 1, ...all })).toBe(403);
  });

  describe('expiration', () => {
    const ends = (reply: Record<string, any>) =>
      ['accessToken', 'refreshToken'].map((name) => payloadOf(reply[name]).e);

    it('is half an hour and half a year unless told', async () => {
      const now = Date.now();
      const [access, refreshing] = ends(await create(signToken(), { userId: 1 }));
      expect(Math.abs(Number(access) - now - 1_800_000)).toBeLessThan(30_000);
      expect(Math.abs(Number(refreshing) - now - 182 * DAY)).toBeLessThan(30_000);
    });

    it('is what is asked for, as number or as text', async () => {
      const [at, later] = [Date.now() + 90 * DAY, Date.now() + 100 * DAY];
      const refreshExpiration = new Date(later).toISOString();
      const reply = await create(signToken(), { userId: 1, expiration: at, refreshExpiration });
      expect(ends(reply)).toEqual([at, later]);
    });

    it.each<[string, () => unknown]>([
      ['past', () => Date.now() - 1],
      ['in seconds', () => Math.floor(Date.now() / 1_000)],
      ['later than a refresh token may', () => Date.now() + 182 * DAY + 60_000],
      ['in the year 9999', () => '9999-12-31T23:59:59'],
    ])('is refused where it is %s', async (_, time) => {
      for (const field of ['expiration', 'refreshExpiration']) {
        const reply = await create(signToken(), { userId: 1, [field]: time() });
        expect(reply).toMatchObject({
          code: 400,
          error: 'Expiration must be in the future, 182 days ahead at most',
        });
      }
    });
  });

  it('refuses a token that would be too long to be accepted', async () => {
    const networkIds = Array.from({ length: 10_000 }, (_, id) => id);
    expect(await create(signToken(), { userId: 1, networkIds })).toMatchObject({
      code: 400,
      error: 'The token would be longer than 8192 characters',
    });
    expect(await create(signToken({ u: member }), { userId: member, networkIds })).toMatchObject(DENIED);
    const repeated = Array.from({ length: 10_000 }, () => '1');
    expect(await created(signToken(), { userId: 1, networkIds: repeated })).toMatchObject({ n: ['1'] });
  });
});

describe('token/refresh', () => {
  let user: number;
  let count = 0;
  const refreshToken = (claims: Claims = {}) =>
    signToken({ u: user, a: [5, 8, 15], n: ['1', '3'], dt: ['1'], t: 0, ...claims });

  beforeEach(async () => {
    user = await addUser(`refresher-${count++}`, {});
  });

  it('gives an access token with the same limits, for half an hour', async () => {
    const reply = await refresh(refreshToken());
    expect(reply).toEqual({
      action: 'token/refresh',
      requestId: reply.requestId,
      status: 'success',
      accessToken: expect.any(String),
    });
    const { e, ...claims } = payloadOf(reply.accessToken);
    expect(claims).toEqual({ u: user, a: [5, 8, 15], n: ['1', '3'], dt: ['1'], t: 1, g: 0 });
    expect(Math.abs(Number(e) - Date.now() - 1_800_000)).toBeLessThan(30_000);
    expect(await getCommand(reply.accessToken)).toMatchObject({ status: 'success' });
  });

  it('works with what token gives', async () => {
    const tokens = await client.request('token', { login: ADMIN.username, password: ADMIN.password });
    const { accessToken } = await refresh(tokens.refreshToken);
    expect(payloadOf(accessToken)).toMatchObject({ u: 1, a: [0], n: ['*'], dt: ['*'], t: 1 });
  });

  it('gives no token that outlives the refresh token', async () => {
    const e = Date.now() + 60_000;
    expect(payloadOf((await refresh(refreshToken({ e }))).accessToken)).toMatchObject({ e });
  });

  it.each<[string, Claims, Claims]>([
    ['* of a client', { a: [0], n: ['*'], dt: ['*'] }, { a: CLIENT, n: ['*'], dt: ['*'] }],
    ['a permission of administrators', { a: [5, 12] }, { a: [5] }],
    ['only such permissions', { a: [12, 13, 14, 18] }, { a: [1] }],
    ['no permission', { a: [] }, { a: [1] }],
    ['no lists', { a: undefined, n: undefined, dt: undefined }, { a: [1], n: [], dt: ['*'] }],
  ])('cuts %s to what the role has', async (_, carried, expected) => {
    expect(payloadOf((await refresh(refreshToken(carried))).accessToken)).toMatchObject(expected);
  });

  it('takes away what an administrator had who is one no longer', async () => {
    await service.sql('UPDATE dh_user SET role = 0 WHERE id = $1', [user]);
    const token = refreshToken({ a: [0] });
    expect(payloadOf((await refresh(token)).accessToken)).toMatchObject({ a: [0] });
    await service.sql('UPDATE dh_user SET role = 1 WHERE id = $1', [user]);
    expect(await refresh(token)).toMatchObject({ code: 401, error: 'Invalid credentials' });
    const later = refreshToken({ a: [0], g: 1 });
    expect(payloadOf((await refresh(later)).accessToken)).toMatchObject({ a: CLIENT, g: 1 });
  });

  it('gives nothing back of a network that its user has lost', async () => {
    const token = refreshToken();
    await service.sql('DELETE FROM user_network WHERE user_id = $1', [user]);
    const { accessToken } = await refresh(token);
    expect(await getCommand(accessToken)).toMatchObject(DENIED);
    expect(await created(accessToken, { userId: user, networkIds: ['1'] })).toBe(403);
  });

  it.each([
    ['locked', 'UPDATE dh_user SET status = 1 WHERE id = $1'],
    ['disabled', 'UPDATE dh_user SET status = 2 WHERE id = $1'],
    ['deleted', 'DELETE FROM dh_user WHERE id = $1'],
  ])('refuses a user who was %s', async (_, statement) => {
    const token = refreshToken();
    expect(await refresh(token)).toMatchObject({ status: 'success' });
    await service.sql(statement, [user]);
    expect(await refresh(token)).toMatchObject({ code: 401, error: 'Invalid credentials' });
  });

  it.each<[string, () => unknown, number, string]>([
    ['nothing', () => undefined, 400, 'Missing or invalid payload in request'],
    ['empty text', () => '', 400, 'Missing or invalid payload in request'],
    ['an access token', () => signToken(), 401, 'Invalid token type'],
    ['an expired one', () => refreshToken({ e: Date.now() - 1 }), 401, 'Token has expired'],
    ['no JWT', () => 'abc', 401, 'Invalid credentials'],
    [
      'a changed one',
      () => refreshToken().replace(/.$/, (c) => (c === 'A' ? 'Q' : 'A')),
      401,
      'Invalid credentials',
    ],
    [
      'one of another secret',
      () => signToken({ t: 0 }, Buffer.alloc(48, 1).toString('base64')),
      401,
      'Invalid credentials',
    ],
    ['one of an unknown user', () => signToken({ u: 4711, t: 0 }), 401, 'Invalid credentials'],
  ])('refuses %s', async (_, token, code, error) => {
    expect(await refresh(token())).toMatchObject({ code, error });
  });
});

describe('a token of an identity provider', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  let provided: TestService;
  let user: TestClient;

  beforeAll(async () => {
    provided = await TestService.start({
      JWT_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }) as string,
      JWT_ISSUER: 'https://id.example.com',
      JWT_AUDIENCE: 'devicehive',
    });
    user = await provided.connect();
  });
  afterAll(() => provided?.stop());

  function providerToken(t: number): string {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const payload = { u: 1, a: [0], n: ['*'], dt: ['*'], t, e: Date.now() + 60_000 };
    const body = { iss: 'https://id.example.com', aud: 'devicehive', payload };
    const signed = `${encode({ alg: 'RS256' })}.${encode(body)}`;
    return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
  }

  it('makes no tokens, which would outlive it', async () => {
    const refusal = { code: 403, error: "An identity provider's token makes no tokens" };
    expect(await create(providerToken(1), { userId: 1 }, user)).toMatchObject(refusal);
    expect(await user.authenticate(providerToken(1))).toMatchObject({ status: 'success' });
    expect(await user.request('token/create', { payload: { userId: 1 } })).toMatchObject(refusal);
    expect(await create(signToken(), { userId: 1 }, user)).toMatchObject({ status: 'success' });
  });

  it('is not refreshed', async () => {
    for (const type of [0, 1]) {
      const reply = await user.request('token/refresh', { refreshToken: providerToken(type) });
      expect(reply).toMatchObject({ code: 401, error: 'Invalid credentials' });
    }
  });
});

it('writes no token to the log', () => {
  expect(service.logger.lines.join('\n')).not.toContain('eyJ');
});
