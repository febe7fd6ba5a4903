import 'reflect-metadata';
import { createHmac, generateKeyPairSync, type KeyObject, sign, webcrypto } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ActionError } from '../protocol/action-error.js';
import { decodeSecret } from './jwt-secret.js';
import { ACCESS, REFRESH } from './token-payload.js';
import { TokenService } from './token.service.js';

const secret = decodeSecret('devicehive');
const claims = { u: 1, a: [8], n: ['1'], dt: ['*'] };
const inAnHour = () => Date.now() + 3_600_000;
const tokens = new TokenService({ secret });

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part?: string): unknown => JSON.parse(Buffer.from(part ?? '', 'base64url').toString());

/** RFC 7515 by hand, independent of the library under test. */
function token(header: object, body: object, sign: (input: string) => Buffer): string {
  const input = `${encode(header)}.${encode(body)}`;
  return `${input}.${sign(input).toString('base64url')}`;
}
const hmac = (key: Uint8Array | string) => (input: string) =>
  createHmac('sha256', key).update(input).digest();
const rsa = (key: KeyObject) => (input: string) => sign('sha256', Buffer.from(input), key);
const userPayload = (changes: object = {}) => ({ ...claims, e: inAnHour(), t: ACCESS, ...changes });
const hs256 = (payload: object, key: Uint8Array | string = secret, header: object = {}) =>
  token({ alg: 'HS256', ...header }, { payload }, hmac(key));

const INVALID = '401 Invalid credentials';
const EXPIRED = '401 Token expired';

const answerTo = (service: TokenService, jwt: string): Promise<string> =>
  service.verifyAccess(jwt).then(
    (principal) => `user ${principal.userId}`,
    (error: ActionError) => `${error.code} ${error.message}`,
  );

afterEach(() => void vi.useRealTimers());

describe('TokenService', () => {
  it('verifies what it signs', async () => {
    const principal = await tokens.verifyAccess(await tokens.sign(ACCESS, claims));
    expect(principal).toMatchObject({ userId: 1, networkIds: [1], deviceTypeIds: null, limited: true });
    expect(principal.permissions.has('UpdateDeviceCommand')).toBe(true);
    expect(principal.permissions.has('GetDeviceCommand')).toBe(false);
  });

  it.each([
    ['access', ACCESS, 1_800_000],
    ['refresh', REFRESH, 15_724_800_000],
  ] as const)('signs %s tokens of one claim under the header {"alg":"HS256"}', async (_, type, lifetime) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const [header, body] = (await tokens.sign(type, claims)).split('.');
    expect(decode(header)).toEqual({ alg: 'HS256' });
    expect(decode(body)).toEqual({ payload: { ...claims, e: Date.now() + lifetime, t: type } });
  });

  it('signs for as long as it is told', async () => {
    const [, body] = (await tokens.sign(ACCESS, claims, 1_518_103_590_123)).split('.');
    expect(decode(body)).toMatchObject({ payload: { e: 1_518_103_590_123, t: ACCESS } });
  });

  it('signs nothing that is too long to be accepted', async () => {
    const n = Array.from({ length: 10_000 }, (_, id) => String(id));
    await expect(tokens.sign(ACCESS, { ...claims, n })).rejects.toMatchObject({ code: 400 });
  });

  it('imports the secret once, and not for each token', async () => {
    const importKey = vi.spyOn(webcrypto.subtle, 'importKey');
    const service = new TokenService({ secret });
    for (const type of [ACCESS, REFRESH] as const) await service.sign(type, claims);
    for (const a of [[7], [8]]) await service.verifyAccess(hs256(userPayload({ a })));
    expect(importKey).toHaveBeenCalledOnce();
    importKey.mockRestore();
  });

  it('verifies what another implementation signs', async () => {
    expect(await answerTo(tokens, hs256(userPayload()))).toBe('user 1');
  });

  it('refuses a refresh token', async () => {
    expect(await answerTo(tokens, await tokens.sign(REFRESH, claims))).toBe(INVALID);
  });

  it('answers Token expired for a token whose time is over, also one that it knows', async () => {
    expect(await answerTo(tokens, hs256(userPayload({ e: Date.now() - 1 })))).toBe(EXPIRED);
    const known = hs256(userPayload({ e: Date.now() + 1_000 }));
    expect(await answerTo(tokens, known)).toBe('user 1');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2_000 });
    expect(await answerTo(tokens, known)).toBe(EXPIRED);
  });

  it.each([
    ['another secret', () => hs256(userPayload(), 'another')],
    ['the secret as plain text', () => hs256(userPayload(), 'devicehive')],
    ['no signature', () => token({ alg: 'none' }, { payload: userPayload() }, () => Buffer.alloc(0))],
    ['alg none and a signature', () => token({ alg: 'none' }, { payload: userPayload() }, hmac(secret))],
    ['another hash', () => token({ alg: 'HS512' }, { payload: userPayload() }, hmac(secret))],
    ['an unknown crit', () => hs256(userPayload(), secret, { crit: ['x'], x: 1 })],
    ['no payload', () => token({ alg: 'HS256' }, { u: 1 }, hmac(secret))],
  ])('refuses a token with %s', async (_, forge) => {
    expect(await answerTo(tokens, forge())).toBe(INVALID);
  });

  it.each(['jku', 'jwk', 'x5u', 'x5c'])('refuses a token whose header brings a key by %s', async (name) => {
    const forged = hs256(userPayload(), secret, { [name]: 'https://example.com/keys' });
    expect(await answerTo(tokens, forged)).toBe(INVALID);
  });

  it.each([
    '',
    '.',
    '..',
    'a.b.c',
    'null',
    `${encode({ alg: 'HS256' })}.`,
    `${Buffer.from('null').toString('base64url')}.e30.`,
  ])('refuses the text %j', async (text) => {
    expect(await answerTo(tokens, text)).toBe(INVALID);
  });

  it('refuses a changed copy of a token that it knows', async () => {
    const known = hs256(userPayload());
    await tokens.verifyAccess(known);
    const [header, , signature] = known.split('.');
    const changed = [header, encode({ payload: userPayload({ a: [0] }) }), signature].join('.');
    expect(await answerTo(tokens, changed)).toBe(INVALID);
  });
});

describe('TokenService.verifyRefresh', () => {
  const refresh = (changes: object = {}) => userPayload({ t: REFRESH, ...changes });
  const answer = (jwt: string, service = tokens): Promise<string> =>
    service.verifyRefresh(jwt).then(
      (principal) => `user ${principal.userId}`,
      (error: ActionError) => `${error.code} ${error.message}`,
    );

  it('verifies what it signs and what another implementation signs', async () => {
    expect(await answer(await tokens.sign(REFRESH, claims))).toBe('user 1');
    expect(await answer(hs256(refresh()))).toBe('user 1');
  });

  it.each([
    ['an access token', () => hs256(userPayload()), '401 Invalid token type'],
    ['an expired access token', () => hs256(userPayload({ e: 1 })), '401 Invalid token type'],
    ['an expired one', () => hs256(refresh({ e: Date.now() - 1 })), '401 Token has expired'],
    ['one of another secret', () => hs256(refresh(), 'another'), INVALID],
    ['an access token of another secret', () => hs256(userPayload(), 'another'), INVALID],
    [
      'one without a signature',
      () => token({ alg: 'none' }, { payload: refresh() }, () => Buffer.alloc(0)),
      INVALID,
    ],
    ['one that brings its key', () => hs256(refresh(), secret, { jku: 'http://x' }), INVALID],
    ['one without an expiry', () => hs256(refresh({ e: undefined })), INVALID],
    ['one of another type', () => hs256(refresh({ t: 2 })), INVALID],
    ['one of a plugin', () => hs256(refresh({ u: undefined, tpc: 'topic' })), INVALID],
    ['one without a payload', () => token({ alg: 'HS256' }, {}, hmac(secret)), INVALID],
    ['one that is null', () => token({ alg: 'HS256' }, { payload: null }, hmac(secret)), INVALID],
    ['text', () => 'a.b.c', INVALID],
    ['very long text', () => 'a'.repeat(100_000), INVALID],
  ])('refuses %s', async (_, forge, expected) => {
    expect(await answer(forge())).toBe(expected);
  });

  it('takes no token of an identity provider', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const identityProvider = { publicKey, issuer: 'issuer', audience: 'devicehive' };
    const body = { iss: 'issuer', aud: 'devicehive', payload: refresh() };
    const provided = new TokenService({ secret, identityProvider });
    expect(await answer(token({ alg: 'RS256' }, body, rsa(privateKey)), provided)).toBe(INVALID);
  });
});

describe('TokenService with an identity provider', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const provided = new TokenService({
    secret,
    identityProvider: { publicKey, issuer: 'https://id.example.com', audience: 'devicehive' },
  });
  const body = { iss: 'https://id.example.com', aud: 'devicehive', payload: userPayload() };
  const rs256 = (changes: object = {}, key = privateKey, header: object = {}) =>
    token({ alg: 'RS256', ...header }, { ...body, ...changes }, rsa(key));

  it('verifies its tokens', async () => {
    expect(await answerTo(provided, rs256())).toBe('user 1');
  });

  it('tells its tokens from its own', async () => {
    expect(await provided.verifyAccess(rs256())).toMatchObject({ isProvided: true });
    expect(await provided.verifyAccess(hs256(userPayload()))).not.toHaveProperty('isProvided');
  });

  it('verifies tokens of its own as before', async () => {
    expect(await answerTo(provided, await provided.sign(ACCESS, claims))).toBe('user 1');
  });

  it('refuses its tokens where none is configured', async () => {
    expect(await answerTo(tokens, rs256())).toBe(INVALID);
  });

  it.each([
    ['a wrong audience', () => rs256({ aud: 'other' })],
    ['no audience', () => rs256({ aud: undefined })],
    ['a wrong issuer', () => rs256({ iss: 'https://example.com' })],
    ['no issuer', () => rs256({ iss: undefined })],
    ['exp in the past', () => rs256({ exp: 1 })],
    ["a stranger's key", () => rs256({}, stranger.privateKey)],
    [
      'a key in its header',
      () => rs256({}, stranger.privateKey, { jwk: stranger.publicKey.export({ format: 'jwk' }) }),
    ],
    ['a key address in its header', () => rs256({}, privateKey, { jku: 'https://example.com/keys' })],
    ['an unknown crit', () => rs256({}, privateKey, { crit: ['x'], x: 1 })],
    ['the public key as HMAC secret', () => token({ alg: 'HS256' }, body, hmac(pem))],
    ['the public key as HMAC secret under alg RS256', () => token({ alg: 'RS256' }, body, hmac(pem))],
    ['the secret under alg RS256', () => token({ alg: 'RS256' }, body, hmac(secret))],
    ['an algorithm of another family', () => rs256({}, privateKey, { alg: 'ES256' })],
  ])('refuses a token with %s', async (_, forge) => {
    expect(await answerTo(provided, forge())).toBe(INVALID);
  });
});
