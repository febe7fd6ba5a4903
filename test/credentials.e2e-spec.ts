import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../src/auth/passwords.js';
import { UserRightsCache } from '../src/directory/user-rights.js';
import type { TestClient } from './support/client.js';
import { RawClient } from './support/raw-client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

const PASSWORD = 'a-password';
const ENDED = { code: 401, error: 'Invalid credentials' };
const { publicKey, privateKey } = generateKeyPairSync('ed25519');

let service: TestService;
let anonymous: TestClient;
let admin: TestClient;
let passwordHash: string;

beforeAll(async () => {
  service = await TestService.start({
    JWT_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    JWT_ISSUER: 'https://id.example.com',
    JWT_AUDIENCE: 'devicehive',
  });
  passwordHash = await hashPassword(PASSWORD);
  anonymous = await service.connect();
  admin = await service.connectAdmin();
  await admin.subscribe('dh/command/#');
});
afterAll(() => service?.stop());

let users = 0;

/** A user who sees the sample device. */
async function addUser(role = 1, hash = passwordHash): Promise<{ id: number; login: string }> {
  const login = `user-${++users}`;
  const [row] = await service.sql<{ id: string }>(
    'INSERT INTO dh_user (login, password_hash, role, status) VALUES ($1, $2, $3, 0) RETURNING id',
    [login, hash, role],
  );
  await service.sql('INSERT INTO user_network VALUES ($1, 1)', [row!.id]);
  return { id: Number(row!.id), login };
}

const generationOf = async (id: number) => {
  const [row] = await service.sql<{ generation: number }>('SELECT generation FROM dh_user WHERE id = $1', [
    id,
  ]);
  return row!.generation;
};

const tokensOf = (login: string, password = PASSWORD) => anonymous.request('token', { login, password });

/** Each action that needs a user, by a body that would succeed. */
const REQUESTS: [action: string, body: object][] = [
  ['command/insert', { command: { command: 'c' } }],
  ['command/update', { commandId: 1, command: { status: 's' } }],
  ['command/get', { commandId: 1 }],
  ['command/list', {}],
  ['command/subscribe', {}],
  ['notification/insert', { notification: { notification: 'n' } }],
  ['notification/get', { notificationId: 1 }],
  ['notification/list', {}],
  ['notification/subscribe', {}],
  ['device/get', {}],
  ['device/save', { device: { name: 'saved' } }],
  ['device/delete', { deviceId: 'no-such-device' }],
  ['device/list', { deviceId: undefined }],
  ['device/count', { deviceId: undefined }],
];

const ask = (client: TestClient, [action, body]: [string, object], token?: string) =>
  client.request(action, { deviceId: SAMPLE_DEVICE, token, ...body });

/** What an operator does to a row of `dh_user`. */
const CHANGES: [what: string, statements: string[], role?: number][] = [
  ['another password', [`SET password_hash = 'scrypt$another'`]],
  ['another login', [`SET login = login || '-renamed'`]],
  ['a status that comes back', ['SET status = 2', 'SET status = 0']],
  ['fewer rights', ['SET role = 1'], 0],
  ['a higher generation', ['SET generation = generation + 1']],
];

describe.each(CHANGES)('%s of a user', (_, statements, role) => {
  it('ends what the user was given: tokens, sessions and events', async () => {
    const { id, login } = await addUser(role);
    const { accessToken, refreshToken } = await tokensOf(login);
    const withPassword = await service.connect({ username: login, password: PASSWORD });
    const withToken = await service.connect();
    await withToken.authenticate(accessToken);
    for (const client of [withPassword, withToken]) await client.subscribe('dh/command/#');
    expect(await ask(anonymous, REQUESTS[0]!, accessToken)).toMatchObject({ status: 'success' });

    for (const statement of statements) await service.sql(`UPDATE dh_user ${statement} WHERE id = $1`, [id]);

    for (const request of REQUESTS) {
      for (const [client, token] of [
        [anonymous, accessToken],
        [withPassword, undefined],
        [withToken, undefined],
      ] as const) {
        expect(await ask(client, request, token)).toMatchObject(ENDED);
      }
    }
    expect(await anonymous.authenticate(accessToken)).toMatchObject(ENDED);
    expect(await anonymous.request('token/refresh', { refreshToken })).toMatchObject(ENDED);
    const payload = { userId: id };
    expect(await anonymous.request('token/create', { token: accessToken, payload })).toMatchObject(ENDED);

    const generation = await generationOf(id);
    const rights = service.app.get(UserRightsCache);
    await expect.poll(() => rights.refresh().then(() => rights.of(id)?.generation)).toBe(generation);
    const { command } = await ask(admin, ['command/insert', { command: { command: 'secret' } }]);
    await admin.next(({ json }) => json.command?.id === command.id);
    for (const client of [withPassword, withToken]) {
      await client.request('server/info');
      expect(client.events().filter(({ json }) => json.command?.id === command.id)).toEqual([]);
    }
  });
});

describe('credentials', () => {
  it.each([
    ['a higher role', 'SET role = 0'],
    ['a login at another time', 'SET last_login = now()'],
    ['the same values', 'SET login = login, status = status, role = role, password_hash = password_hash'],
  ])('stay as they are at %s', async (_, statement) => {
    const { id, login } = await addUser();
    const { accessToken, refreshToken } = await tokensOf(login);
    await service.sql(`UPDATE dh_user ${statement} WHERE id = $1`, [id]);
    expect(await generationOf(id)).toBe(0);
    expect(await ask(anonymous, REQUESTS[0]!, accessToken)).toMatchObject({ status: 'success' });
    expect(await anonymous.request('token/refresh', { refreshToken })).toMatchObject({ status: 'success' });
  });

  it('stay as they are when an old hash of the same password is replaced', async () => {
    const digest = createHash('sha256').update(`salt${PASSWORD}`).digest('base64');
    const { id, login } = await addUser(1, `sha256$salt$${digest}`);
    expect(await tokensOf(login)).toMatchObject({ status: 'success' });
    const [row] = await service.sql<{ password_hash: string }>(
      'SELECT password_hash FROM dh_user WHERE id = $1',
      [id],
    );
    expect(row!.password_hash).toMatch(/^scrypt\$/);
    expect(await generationOf(id)).toBe(0);
  });

  it('that are given out after a change are in force, and those of the refresh token', async () => {
    const { id, login } = await addUser();
    await service.sql('UPDATE dh_user SET generation = 7 WHERE id = $1', [id]);
    const { accessToken, refreshToken } = await tokensOf(login);
    expect(await ask(anonymous, REQUESTS[0]!, accessToken)).toMatchObject({ status: 'success' });
    const { accessToken: refreshed } = await anonymous.request('token/refresh', { refreshToken });
    expect(await ask(anonymous, REQUESTS[0]!, refreshed)).toMatchObject({ status: 'success' });
    const payload = { userId: id, networkIds: ['*'], actions: ['*'] };
    const made = await admin.request('token/create', { payload });
    expect(await ask(anonymous, REQUESTS[0]!, made.accessToken)).toMatchObject({ status: 'success' });
  });

  it('without a generation, as DeviceHive makes them, are those of the first', async () => {
    const { id } = await addUser();
    expect(await ask(anonymous, REQUESTS[0]!, signToken({ u: id }))).toMatchObject({ status: 'success' });
    await service.sql('UPDATE dh_user SET generation = 1 WHERE id = $1', [id]);
    expect(await ask(anonymous, REQUESTS[0]!, signToken({ u: id }))).toMatchObject(ENDED);
  });

  it('of an identity provider do not end with a password', async () => {
    const { id } = await addUser();
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const payload = { u: id, a: [0], n: ['*'], dt: ['*'], t: 1, e: Date.now() + 60_000, g: 5 };
    const body = { iss: 'https://id.example.com', aud: 'devicehive', payload };
    const signed = `${encode({ alg: 'EdDSA' })}.${encode(body)}`;
    const token = `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
    await service.sql(`UPDATE dh_user SET password_hash = 'scrypt$another' WHERE id = $1`, [id]);
    expect(await ask(anonymous, REQUESTS[0]!, token)).toMatchObject({ status: 'success' });
  });

  it('of a stored session keep no events once they have ended, until its client authenticates again', async () => {
    const { id, login } = await addUser();
    const options = { clientId: `stored-${login}`, clean: false };
    const before = await service.connect({ ...options, username: login, password: PASSWORD });
    await before.subscribe('dh/command/#');
    const insert = async (name: string) => {
      const { command } = await ask(admin, ['command/insert', { command: { command: name } }]);
      await admin.next(({ json }) => json.command?.id === command.id);
    };
    await before.end();
    await insert('kept');
    await service.sql('UPDATE dh_user SET generation = 1 WHERE id = $1', [id]);
    const rights = service.app.get(UserRightsCache);
    await expect.poll(() => rights.refresh().then(() => rights.of(id)?.generation)).toBe(1);
    await insert('not-kept');
    const after = await RawClient.connect(service.mqttUrl, {
      ...options,
      username: login,
      password: Buffer.from(PASSWORD),
    });
    await insert('later');
    const names = () =>
      after.packets.flatMap((packet) => (packet.cmd === 'publish' ? packet.topic.split('/')[5] : []));
    await expect.poll(names).toContain('later');
    expect(names()).toEqual(['kept', 'later']);
    after.end();
  });
});
