import { webcrypto } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  createRemoteJWKSet,
  type CryptoKey,
  jwtVerify,
  type JWTVerifyGetKey,
  type JWTVerifyResult,
  SignJWT,
} from 'jose';
import { ActionError, invalidCredentials, tokenExpired } from '../protocol/action-error.js';
import { MAX_TOKEN_LENGTH, refreshTokenExpired, tokenTooLong, wrongTokenType } from './auth.errors.js';
import { AuthOptions } from './auth.options.js';
import type { Principal } from './principal.js';
import {
  ACCESS,
  type Claims,
  LIFETIME_MS,
  REFRESH,
  type TokenPayload,
  toPrincipal,
} from './token-payload.js';

const { subtle } = webcrypto;
const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** Headers by which a token would bring its own key. */
const KEY_HEADERS = ['jku', 'jwk', 'x5u', 'x5c'];
const MAX_CACHED = 10_000;
/** The library skips white space, so that one token would have any number of spellings. */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** The longest a provider's key stays trusted after it left the JWKS. */
const CACHE_MS = 60_000;

/** Signs and verifies DeviceHive's JWTs: one private claim `payload`, HS256, nothing else in the header. */
@Injectable()
export class TokenService {
  /** Verified access tokens only, by the whole token; the oldest goes first. */
  private readonly verified = new Map<string, { principal: Principal; until: number }>();
  private readonly providerKey?: JWTVerifyGetKey;
  /** Made once: from the secret itself the library would make one at each call, which takes longer than the rest. */
  private readonly key: Promise<CryptoKey>;

  constructor(private readonly options: AuthOptions) {
    this.key = subtle.importKey('raw', options.secret, { name: 'HMAC', hash: 'SHA-256' }, false, [
      'sign',
      'verify',
    ]);
    this.providerKey = providerKey(options);
  }

  /**
   * @returns the principal of an access token that is valid now
   * @throws {ActionError} 401 `Token expired` or `Invalid credentials`
   */
  async verifyAccess(token: string): Promise<Principal> {
    const principal = this.verifiedLately(token) ?? (await this.verify(token));
    if (principal.expiresAt > Date.now()) return principal;
    this.verified.delete(token);
    throw tokenExpired();
  }

  /** @returns `undefined` for an access token that `verifyAccess` is to be asked about; expiry is the caller's to check */
  verifiedLately(token: string): Principal | undefined {
    const cached = this.verified.get(token);
    return cached && cached.until > Date.now() ? cached.principal : undefined;
  }

  /**
   * @returns what a refresh token of this service's secret carries; a token of an identity provider is none
   * @throws {ActionError} 401 `Invalid token type` for an access token, `Token has expired`, `Invalid credentials`
   */
  async verifyRefresh(token: string): Promise<Principal> {
    checkForm(token);
    const payload = await this.verifyOwn(token);
    if ((payload as Partial<TokenPayload> | null)?.t === ACCESS) throw wrongTokenType();
    const principal = toPrincipal(payload, REFRESH);
    if (principal.expiresAt <= Date.now()) throw refreshTokenExpired();
    return principal;
  }

  /**
   * @param expiresAt epoch milliseconds
   * @throws {ActionError} 400 for a token of so many ids that it would not be accepted
   */
  async sign(
    type: typeof ACCESS | typeof REFRESH,
    claims: Claims,
    expiresAt = Date.now() + LIFETIME_MS[type],
  ): Promise<string> {
    const payload: TokenPayload = { ...claims, e: expiresAt, t: type };
    const token = await new SignJWT({ payload }).setProtectedHeader({ alg: 'HS256' }).sign(await this.key);
    if (token.length > MAX_TOKEN_LENGTH) throw tokenTooLong();
    return token;
  }

  private async verify(token: string): Promise<Principal> {
    checkForm(token);
    const isOwn = algorithmOf(token) === 'HS256';
    const payload = await (isOwn ? this.verifyOwn(token) : this.verifyProvided(token));
    const principal = toPrincipal(payload, ACCESS);
    if (!isOwn) Object.assign(principal, { isProvided: true, generation: null });
    if (this.verified.size >= MAX_CACHED) this.verified.delete(this.verified.keys().next().value!);
    this.verified.set(token, { principal, until: Date.now() + CACHE_MS });
    return principal;
  }

  /** A key is bound to its family: the secret never verifies RS256, a public key never HS256. */
  private async verifyOwn(token: string): Promise<unknown> {
    return payloadOf(jwtVerify(token, await this.key, { algorithms: ['HS256'] }));
  }

  private verifyProvided(token: string): Promise<unknown> {
    const { identityProvider } = this.options;
    if (!identityProvider) throw invalidCredentials();
    const { issuer, audience } = identityProvider;
    const getKey: JWTVerifyGetKey = (header, jws) => {
      if (KEY_HEADERS.some((name) => name in header)) throw invalidCredentials();
      return this.providerKey!(header, jws);
    };
    return payloadOf(jwtVerify(token, getKey, { algorithms: ASYMMETRIC, issuer, audience }));
  }
}

function checkForm(token: string): void {
  if (token.length > MAX_TOKEN_LENGTH || !COMPACT_JWS.test(token)) throw invalidCredentials();
}

async function payloadOf(verification: Promise<JWTVerifyResult>): Promise<unknown> {
  try {
    const { payload, protectedHeader } = await verification;
    if (KEY_HEADERS.some((name) => name in protectedHeader)) throw invalidCredentials();
    return payload.payload;
  } catch (error) {
    if (error instanceof ActionError) throw error;
    throw new ActionError(401, invalidCredentials().message, { cause: error });
  }
}

function algorithmOf(token: string): unknown {
  try {
    const header = Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString();
    return (JSON.parse(header) as { alg?: unknown } | null)?.alg;
  } catch {
    return undefined;
  }
}

function providerKey({ identityProvider }: AuthOptions): JWTVerifyGetKey | undefined {
  if (identityProvider?.jwksUrl) return createRemoteJWKSet(identityProvider.jwksUrl);
  const key = identityProvider?.publicKey;
  return key && (() => Promise.resolve(key));
}
