import { Injectable } from '@nestjs/common';
import {
  createRemoteJWKSet,
  type JWTHeaderParameters,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
  SignJWT,
} from 'jose';
import { ActionError, invalidCredentials, tokenExpired } from '../protocol/action-error.js';
import { AuthOptions } from './auth.options.js';
import type { Principal } from './principal.js';
import { ACCESS, REFRESH, type TokenPayload, toPrincipal } from './token-payload.js';

/** DeviceHive's lifetimes: 30 minutes and 182 days. */
const LIFETIME_MS = { [ACCESS]: 1_800_000, [REFRESH]: 15_724_800_000 };
const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** Headers by which a token would bring its own key. */
const KEY_HEADERS = ['jku', 'jwk', 'x5u', 'x5c'];
const MAX_CACHED = 10_000;
const MAX_TOKEN_LENGTH = 8_192;
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

  constructor(private readonly options: AuthOptions) {
    this.providerKey = providerKey(options);
  }

  /**
   * @returns the principal of an access token that is valid now
   * @throws {ActionError} 401 `Token expired` or `Invalid credentials`
   */
  async verifyAccess(token: string): Promise<Principal> {
    if (token.length > MAX_TOKEN_LENGTH || !COMPACT_JWS.test(token)) throw invalidCredentials();
    const cached = this.verified.get(token);
    const principal = cached && cached.until > Date.now() ? cached.principal : await this.verify(token);
    if (principal.expiresAt > Date.now()) return principal;
    this.verified.delete(token);
    throw tokenExpired();
  }

  /** @param claims `e` is filled in from the type's lifetime */
  sign(type: typeof ACCESS | typeof REFRESH, claims: Omit<TokenPayload, 't' | 'e'>): Promise<string> {
    const payload: TokenPayload = { ...claims, e: Date.now() + LIFETIME_MS[type], t: type };
    return new SignJWT({ payload }).setProtectedHeader({ alg: 'HS256' }).sign(this.options.secret);
  }

  private async verify(token: string): Promise<Principal> {
    const principal = toPrincipal((await this.verifySignature(token)).payload, ACCESS);
    if (this.verified.size >= MAX_CACHED) this.verified.delete(this.verified.keys().next().value!);
    this.verified.set(token, { principal, until: Date.now() + CACHE_MS });
    return principal;
  }

  /** A key is bound to its family: the secret never verifies RS256, a public key never HS256. */
  private async verifySignature(token: string): Promise<JWTPayload> {
    const { identityProvider, secret } = this.options;
    const getKey = (header: JWTHeaderParameters, jws: Parameters<JWTVerifyGetKey>[1]) => {
      if (KEY_HEADERS.some((name) => name in header)) throw invalidCredentials();
      return this.providerKey!(header, jws);
    };
    try {
      if (algorithmOf(token) === 'HS256') {
        const { payload, protectedHeader } = await jwtVerify(token, secret, { algorithms: ['HS256'] });
        if (KEY_HEADERS.some((name) => name in protectedHeader)) throw invalidCredentials();
        return payload;
      }
      if (!identityProvider) throw invalidCredentials();
      const { issuer, audience } = identityProvider;
      return (await jwtVerify(token, getKey, { algorithms: ASYMMETRIC, issuer, audience })).payload;
    } catch (error) {
      if (error instanceof ActionError) throw error;
      throw new ActionError(401, invalidCredentials().message, { cause: error });
    }
  }
}

function algorithmOf(token: string): unknown {
  const header = Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString();
  return (JSON.parse(header) as { alg?: unknown }).alg;
}

function providerKey({ identityProvider }: AuthOptions): JWTVerifyGetKey | undefined {
  if (identityProvider?.jwksUrl) return createRemoteJWKSet(identityProvider.jwksUrl);
  const key = identityProvider?.publicKey;
  return key && (() => Promise.resolve(key));
}
