import {
  createHash,
  createHmac,
  randomBytes,
  scrypt,
  type ScryptOptions,
  timingSafeEqual,
} from 'node:crypto';
import { promisify } from 'node:util';
import { type HashOwner, HashQueue } from './hash-queue.js';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);
/**
 * One of OWASP's settings: some 70 ms, and 32 MB, which glibc gives back to the system. With 16 MB each of the four threads
 * kept its own for good.
 */
const COST = { N: 2 ** 15, r: 8, p: 3 };
const KEY_BYTES = 32;
/** Hashing takes memory and two of the four threads that file access shares. */
const MAX_AT_ONCE = 2;

const hashes = new HashQueue(MAX_AT_ONCE);
/** For a hash that belongs to no login attempt, like that of the first administrator. */
const NO_LOGIN: HashOwner = { address: '', rank: 'known', isSlowed: () => false };

/** scrypt takes 128 N r bytes and a little more. */
const keyOf = (password: string, salt: Buffer, length: number, cost: typeof COST): Promise<Buffer> =>
  derive(password, salt, length, { ...cost, maxmem: 256 * cost.N * cost.r });

/**
 * What was right, so that a fleet that reconnects is there at once: two `scrypt` at a time are some 25 logins a second.
 * A password that is changed has another hash. Under a key that nobody else has, for as long as the process lasts;
 * who reads its memory has the secret of all tokens, too.
 */
const known = new Set<string>();
/** 1.5 MB. */
const MAX_KNOWN = 10_000;
const KNOWN_KEY = randomBytes(32);

const proofOf = (password: string, hash: string): string =>
  createHmac('sha256', KNOWN_KEY).update(`${hash}\0${password}`).digest('base64');

function remember(proof: string): void {
  if (known.size >= MAX_KNOWN) known.delete(known.values().next().value!);
  known.add(proof);
}

/** @returns `scrypt$N$r$p$salt$key`, the last two in Base64 */
export async function hashPassword(password: string, owner = NO_LOGIN): Promise<string> {
  const salt = randomBytes(16);
  const key = await hashes.run(owner, () => keyOf(password, salt, KEY_BYTES, COST));
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), key.toString('base64')].join('$');
}

const SCRYPT = /^scrypt(\$[1-9]\d*){3}(\$[A-Za-z0-9+/]+=*){2}$/;

/** Stands in where there is no scrypt hash to compare with, so that every answer takes the same time. */
const DUMMY = `scrypt$${COST.N}$${COST.r}$${COST.p}$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(KEY_BYTES).toString('base64')}`;

/**
 * A hash of DeviceHive: `sha256$<salt>$<hash>`, where hash is the Base64 of SHA-256 over the salt's text followed by
 * the password (devicehive-java-server, `DefaultPasswordProcessor`). Users are brought over with
 *
 *     coalesce('sha256$' || password_salt || '$' || password_hash, '')
 *
 * as `password_hash`; without a password of their own nobody can log in as them.
 */
const LEGACY = /^sha256\$(.*)\$([^$]*)$/s;

/** One that `LoginService` replaces at the next login: of DeviceHive, or one that takes less memory than ours. */
export function isOutdatedHash(hash: string): boolean {
  const [, N, r] = hash.split('$');
  return LEGACY.test(hash) || (SCRYPT.test(hash) && Number(N) * Number(r) < COST.N * COST.r);
}

/**
 * Computes one scrypt and one SHA-256 whatever the hash is, unless the password was found right before: the time tells
 * neither whether a login exists nor what its hash is made of.
 * @param hash as `hashPassword` gave it, or one of DeviceHive; `undefined` for a login that does not exist
 */
export async function verifyPassword(
  password: string,
  hash: string | undefined,
  owner = NO_LOGIN,
): Promise<boolean> {
  const proof = proofOf(password, hash ?? '');
  if (known.has(proof)) return true;
  return hashes.run(owner, async () => {
    // Others with the same login have had their turn in the meantime.
    if (known.has(proof)) return true;
    const isRight = await compare(password, hash);
    if (isRight) remember(proof);
    return isRight;
  });
}

async function compare(password: string, hash: string | undefined): Promise<boolean> {
  const [, legacySalt = '', legacyHash = ''] = LEGACY.exec(hash ?? '') ?? [];
  const isLegacyRight = isSame(sha256(legacySalt + password), Buffer.from(legacyHash, 'base64'));
  const scryptHash = hash && SCRYPT.test(hash) ? hash : DUMMY;
  const [, N, r, p, salt = '', expected = ''] = scryptHash.split('$');
  const key = Buffer.from(expected, 'base64');
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const actual = await keyOf(password, Buffer.from(salt, 'base64'), key.length, cost);
  return isLegacyRight || (timingSafeEqual(actual, key) && scryptHash === hash);
}

const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest();
const isSame = (a: Buffer, b: Buffer) => a.length === b.length && timingSafeEqual(a, b);
