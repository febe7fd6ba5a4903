import { createHook } from 'node:async_hooks';
import { createHash, scryptSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CONNECT_LIMITS, LoginThrottle } from './login-throttle.js';
import { hashPassword, isOutdatedHash, verifyPassword } from './passwords.js';

/** How many scrypt jobs `work` starts, and how many of them at once. */
async function countHashes(work: () => Promise<unknown>): Promise<{ total: number; atOnce: number }> {
  const running = new Set<number>();
  const counted = { total: 0, atOnce: 0 };
  const hook = createHook({
    init(id, type) {
      if (type !== 'SCRYPTREQUEST') return;
      running.add(id);
      counted.total++;
      counted.atOnce = Math.max(counted.atOnce, running.size);
    },
    before: (id) => void running.delete(id),
  }).enable();
  await work();
  hook.disable();
  return counted;
}

// Rows of devicehive-java-server: the seeded administrator, and its tests' initial_data.sql (admin_pass).
const DHADMIN = 'sha256$sjQbZgcCmFxqTV4CCmGwpIHO$DFXFrZ8VQIkOYECScBbBwsYinj+o8IlaLsRQ81wO+l8=';
const TEST_ADMIN = 'sha256$9KynX3ShWnFym4y8Dla039py$+IC4w+NeByiymEWlI5H1xbtNe4YKmPlLRZ7j3xaireg=';

describe('verifyPassword with a hash of DeviceHive', () => {
  it.each([
    ['dhadmin_#911', DHADMIN],
    ['admin_pass', TEST_ADMIN],
  ])('knows the password %s again and no other', async (password, hash) => {
    expect(isOutdatedHash(hash)).toBe(true);
    await expect(verifyPassword(password, hash)).resolves.toBe(true);
    await expect(verifyPassword(`${password} `, hash)).resolves.toBe(false);
    await expect(verifyPassword('', hash)).resolves.toBe(false);
  });

  it.each([
    ['no salt', '', 'secret'],
    ['a salt with $', 'a$b$', 'secret'],
    ['text beyond ASCII', 'sälz', 'pässwörd 😀'],
  ])('reads %s', async (_, salt, password) => {
    const key = createHash('sha256')
      .update(Buffer.from(salt + password))
      .digest('base64');
    await expect(verifyPassword(password, `sha256$${salt}$${key}`)).resolves.toBe(true);
  });

  it('is told from one of its own', async () => {
    expect(isOutdatedHash(await hashPassword('x'))).toBe(false);
  });
});

describe('isOutdatedHash', () => {
  it.each([
    ['with less memory', 'scrypt$16384$8$5$c2FsdA==$a2V5', true],
    ['with more memory', 'scrypt$65536$8$2$c2FsdA==$a2V5', false],
    ['that nobody can log in with', '', false],
  ])('tells a hash %s', (_, hash, expected) => {
    expect(isOutdatedHash(hash)).toBe(expected);
  });
});

describe('hashPassword', () => {
  it('is salted and names its parameters', async () => {
    const [first, second] = await Promise.all([hashPassword('secret'), hashPassword('secret')]);
    expect(first).toMatch(/^scrypt\$32768\$8\$3\$[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=$/);
    expect(second).not.toBe(first);
  });
});

describe('verifyPassword', () => {
  it.each([
    ['ordinary', 'dhadmin_#911'],
    ['empty', ''],
    ['non-ASCII', 'pässwörd 😀'],
    ['long', 'x'.repeat(10_000)],
  ])('knows a password again and no other: %s', async (_, password) => {
    const hash = await hashPassword(password);
    await expect(verifyPassword(password, hash)).resolves.toBe(true);
    await expect(verifyPassword(`${password} `, hash)).resolves.toBe(false);
  });

  it('follows the parameters in the hash', async () => {
    // RFC 7914 section 12, the second vector.
    const key = '/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA==';
    const hash = `scrypt$1024$8$16$${Buffer.from('NaCl').toString('base64')}$${key}`;
    await expect(verifyPassword('password', hash)).resolves.toBe(true);
    await expect(verifyPassword('passwore', hash)).resolves.toBe(false);
  });

  it.each([
    '',
    'plain',
    'sha256$1$1$1$a$b',
    'sha256$',
    'sha256$salt$',
    'sha256$$',
    'scrypt$16384$8$5$$',
    'scrypt$x$8$5$c2FsdA==$a2V5',
  ])('refuses the hash %j', async (hash) => {
    await expect(verifyPassword('plain', hash)).resolves.toBe(false);
  });

  it('hashes once, whatever it compares with', async () => {
    for (const stored of [await hashPassword('secret'), undefined, DHADMIN, 'plain', '']) {
      const counted = await countHashes(() => expect(verifyPassword('wrong', stored)).resolves.toBe(false));
      expect(counted).toEqual({ total: 1, atOnce: 1 });
    }
  });

  it('hashes a password that was right no second time, until its hash is another', async () => {
    const [password, hash] = ['found right before', await hashPassword('found right before')];
    const verify = (expected: boolean, ...args: [string, string]) =>
      countHashes(() => expect(verifyPassword(...args)).resolves.toBe(expected));
    expect(await verify(true, password, hash)).toMatchObject({ total: 1 });
    expect(await verify(true, password, hash)).toMatchObject({ total: 0 });
    expect(await verify(false, `${password} `, hash)).toMatchObject({ total: 1 });
    expect(await verify(false, password, await hashPassword('another'))).toMatchObject({ total: 1 });
    expect(await verify(true, password, await hashPassword(password))).toMatchObject({ total: 1 });
  });

  it('hashes at most twice for a fleet that comes at once with one login', async () => {
    const hash = await hashPassword('fleet');
    const logins = Array.from({ length: 100 }, () => 'fleet');
    const counted = await countHashes(async () => {
      const answers = await Promise.all(logins.map((password) => verifyPassword(password, hash)));
      expect(new Set(answers)).toEqual(new Set([true]));
    });
    expect(counted).toEqual({ total: 2, atOnce: 2 });
  });

  it('hashes once for a right password of DeviceHive', async () => {
    const key = createHash('sha256').update('saltnever seen before').digest('base64');
    const counted = await countHashes(() => verifyPassword('never seen before', `sha256$salt$${key}`));
    expect(counted).toEqual({ total: 1, atOnce: 1 });
  });

  it('hashes two at once and no more', async () => {
    const counted = await countHashes(() =>
      Promise.all(Array.from({ length: 6 }, () => verifyPassword('wrong', undefined))),
    );
    expect(counted).toEqual({ total: 6, atOnce: 2 });
  });
});

describe('a thousand logins of one address after a restart', () => {
  const logIn = (throttle: LoginThrottle, login: string, password: string, hash: string) =>
    throttle.run(login, { address: '192.0.2.1' }, CONNECT_LIMITS, async (owner) => {
      expect(await verifyPassword(password, hash, owner)).toBe(true);
    });

  it('hash on both threads if each has an account of its own', async () => {
    const salt = Buffer.from('salt').toString('base64');
    const accounts = Array.from({ length: 1_000 }, (_, i) => {
      const key = scryptSync(`password ${i}`, 'salt', 32, { N: 64, r: 8, p: 1 }).toString('base64');
      return { login: `device-${i}`, password: `password ${i}`, hash: `scrypt$64$8$1$${salt}$${key}` };
    });
    const throttle = new LoginThrottle();
    const counted = await countHashes(async () => {
      for (const wave of [accounts.slice(0, 500), accounts.slice(500)]) {
        await Promise.all(wave.map(({ login, password, hash }) => logIn(throttle, login, password, hash)));
      }
    });
    expect(counted).toEqual({ total: 1_000, atOnce: 2 });
  });

  it('hash once if all have the same account', async () => {
    const throttle = new LoginThrottle();
    const hash = await hashPassword('shared account');
    const counted = await countHashes(() =>
      Promise.all(Array.from({ length: 1_000 }, () => logIn(throttle, 'fleet', 'shared account', hash))),
    );
    expect(counted).toEqual({ total: 1, atOnce: 1 });
  });
});
