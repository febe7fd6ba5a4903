import { createHash, scryptSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DirectoryRepository } from '../src/directory/directory.repository.js';
import type { TestClient } from './support/client.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';

let service: TestService;
let client: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  client = await service.connect();
});
afterAll(() => service?.stop());

/** The table of a DeviceHive database, and its rows brought over with the statement of `auth/passwords.ts`. */
async function bringOver(login: string, hash: string | null, salt: string | null, status = 0): Promise<void> {
  await service.sql(
    `WITH original (login, password_hash, password_salt, role, status) AS (
       VALUES ($1::varchar, $2::varchar, $3::varchar, 1, $4::int))
     INSERT INTO dh_user (login, password_hash, role, status)
     SELECT login, coalesce('sha256$' || password_salt || '$' || password_hash, ''), role, status FROM original`,
    [login, hash, salt, status],
  );
}
const salted = (salt: string, password: string) =>
  createHash('sha256')
    .update(Buffer.from(salt + password))
    .digest('base64');
const hashOf = async (login: string) => {
  const [user] = await service.sql<{ id: string; password_hash: string }>(
    'SELECT id, password_hash FROM dh_user WHERE login = $1',
    [login],
  );
  return user!.password_hash;
};
const token = (login: string, password: string) => client.request('token', { login, password });

/** Of devicehive-java-server's own row for `dhadmin`. */
const [HASH, SALT] = ['DFXFrZ8VQIkOYECScBbBwsYinj+o8IlaLsRQ81wO+l8=', 'sjQbZgcCmFxqTV4CCmGwpIHO'];

describe('a user who was brought over from DeviceHive', () => {
  it('logs in by CONNECT with the old password, ever after', async () => {
    await bringOver('by-connect', HASH, SALT);
    for (const scheme of ['sha256$', 'scrypt$']) {
      expect(await hashOf('by-connect')).toContain(scheme);
      const device = await service.connect({ ...ADMIN, username: 'by-connect' });
      expect(await device.request('command/get', { deviceId: SAMPLE_DEVICE, commandId: 1 })).toMatchObject({
        code: 403,
      });
    }
  });

  it('logs in by token with the old password, ever after', async () => {
    await bringOver('by-token', salted('sälz', 'pässwörd'), 'sälz');
    expect(await token('by-token', 'pässwörd')).toMatchObject({ status: 'success' });
    const hash = await hashOf('by-token');
    expect(hash).toMatch(/^scrypt\$/);
    expect(await token('by-token', 'pässwörd')).toMatchObject({ status: 'success' });
    expect(await hashOf('by-token')).toBe(hash);
  });

  it('has a hash replaced that takes less memory than new ones do', async () => {
    const key = scryptSync('secret', 'salt', 32, { N: 1_024, r: 8, p: 1 }).toString('base64');
    await service.sql('INSERT INTO dh_user (login, password_hash, role) VALUES ($1, $2, 1)', [
      'weak',
      `scrypt$1024$8$1$${Buffer.from('salt').toString('base64')}$${key}`,
    ]);
    expect(await token('weak', 'secret')).toMatchObject({ status: 'success' });
    expect(await hashOf('weak')).not.toContain('$1024$');
    expect(await token('weak', 'secret')).toMatchObject({ status: 'success' });
  });

  it('keeps the old hash after a wrong password, and while locked', async () => {
    await bringOver('wrong', HASH, SALT);
    await bringOver('locked', HASH, SALT, 1);
    expect(await token('wrong', 'x')).toMatchObject({ code: 401, error: 'Invalid credentials' });
    expect(await token('locked', ADMIN.password)).toMatchObject({
      code: 401,
      error: 'User is locked or disabled',
    });
    expect(await hashOf('wrong')).toContain('sha256$');
    expect(await hashOf('locked')).toContain('sha256$');
  });

  it.each([
    ['hash', null, SALT],
    ['salt', HASH, null],
  ])('cannot log in without a %s', async (what, hash, salt) => {
    await bringOver(`no-${what}`, hash, salt);
    for (const password of ['x', ADMIN.password]) {
      expect(await token(`no-${what}`, password)).toMatchObject({ code: 401, error: 'Invalid credentials' });
    }
  });

  it('cannot log in with the stored text', async () => {
    await bringOver('stored', HASH, SALT);
    for (const password of [HASH, `${SALT}${ADMIN.password}`, `sha256$${SALT}$${HASH}`]) {
      expect(await token('stored', password)).toMatchObject({ code: 401 });
    }
  });

  it('keeps a password that was changed during the login', async () => {
    await bringOver('changed', HASH, SALT);
    const [user] = await service.sql<{ id: string }>("SELECT id FROM dh_user WHERE login = 'changed'");
    const read = await hashOf('changed');
    await service.sql("UPDATE dh_user SET password_hash = 'newer' WHERE login = 'changed'");
    await service.app.get(DirectoryRepository).replacePasswordHash(Number(user!.id), read, 'older');
    expect(await hashOf('changed')).toBe('newer');
  });

  it('logs in from many places at once', async () => {
    await bringOver('many', HASH, SALT);
    const logins = Array.from({ length: 4 }, () => service.connect({ ...ADMIN, username: 'many' }));
    await Promise.all(logins);
    expect(await hashOf('many')).toMatch(/^scrypt\$/);
  });
});
