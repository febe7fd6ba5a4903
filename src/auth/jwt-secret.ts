/** Bytes under which an HMAC-SHA-256 key can be guessed offline from one token (RFC 7518 section 3.2). */
export const STRONG_SECRET_BYTES = 32;

/**
 * The HMAC key in a `JWT_SECRET`, read as the original's JWT library reads it: characters outside the Base64
 * alphabet are skipped, an incomplete last group of four is dropped, the rest is decoded. `devicehive` is the
 * six bytes 75 eb e2 71 e8 62. Node alone would take `-` and `_` for base64url and keep the odd tail.
 * @returns empty where nothing is left, e.g. for `abc`
 */
export function decodeSecret(secret: string): Uint8Array {
  const alphabet = secret.replace(/[^A-Za-z0-9+/=]/g, '');
  return new Uint8Array(Buffer.from(alphabet.slice(0, alphabet.length - (alphabet.length % 4)), 'base64'));
}
