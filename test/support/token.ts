import { createHmac } from 'node:crypto';
import { decodeSecret } from '../../src/auth/jwt-secret.js';
import { JWT_SECRET } from './environment.js';

export interface Claims {
  u?: unknown;
  a?: unknown;
  n?: unknown;
  dt?: unknown;
  e?: unknown;
  t?: unknown;
  g?: unknown;
  tpc?: string;
}

/** Valid for an hour and for everything, unless told. */
export const ALL: Claims = { u: 1, a: [0], n: ['*'], dt: ['*'], t: 1 };

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signs as any other implementation would: RFC 7515 by hand, independent of the service's library. */
export function signToken(
  claims: Claims = {},
  secret = JWT_SECRET,
  header: object = { alg: 'HS256' },
): string {
  const payload = { ...ALL, e: Date.now() + 3_600_000, ...claims };
  const signed = `${encode(header)}.${encode({ payload })}`;
  const signature = createHmac('sha256', decodeSecret(secret)).update(signed).digest('base64url');
  return `${signed}.${signature}`;
}

/** A token that claims to need no signature. */
export function unsignedToken(): string {
  return `${encode({ alg: 'none' })}.${encode({ payload: { ...ALL, e: Date.now() + 3_600_000 } })}.`;
}
