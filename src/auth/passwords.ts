import { randomBytes, scrypt, type ScryptOptions, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);
/** 16 MB and some 50 ms for one hash (OWASP's second setting is N = 2^16, r = 8, p = 2; devices log in often). */
const COST = { N: 2 ** 14, r: 8, p: 5 };
const KEY_BYTES = 32;
/** Hashing takes memory and two of the four threads that file access shares. */
const MAX_AT_ONCE = 2;

let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= MAX_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}

/** @returns `scrypt$N$r$p$salt$key`, the last two in Base64 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await inTurn(() => derive(password, salt, KEY_BYTES, COST));
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), key.toString('base64')].join('$');
}

/** What an unknown login is compared with, so that it takes as long as a wrong password. */
const DUMMY = `scrypt$${COST.N}$${COST.r}$${COST.p}$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(KEY_BYTES).toString('base64')}`;

/** @param hash as `hashPassword` gave it; `undefined` for a login that does not exist: `false` after the same time */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const [scheme, N, r, p, salt, expected] = (hash ?? DUMMY).split('$');
  if (scheme !== 'scrypt' || !salt || !expected) return false;
  const key = Buffer.from(expected, 'base64');
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const actual = await inTurn(() => derive(password, Buffer.from(salt, 'base64'), key.length, cost));
  return timingSafeEqual(actual, key) && hash !== undefined;
}
