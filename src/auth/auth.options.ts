import type { KeyObject } from 'node:crypto';

/** How tokens are signed and checked. */
export abstract class AuthOptions {
  /** HMAC key for HS256, DeviceHive's own tokens */
  abstract secret: Uint8Array;
  /** an identity provider whose tokens are accepted too, RS, ES or EdDSA only */
  abstract identityProvider?: { jwksUrl?: URL; publicKey?: KeyObject; issuer: string; audience: string };
}
