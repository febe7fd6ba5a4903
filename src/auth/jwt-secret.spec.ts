import { describe, expect, it } from 'vitest';
import { decodeSecret } from './jwt-secret.js';

const hex = (secret: string) => Buffer.from(decodeSecret(secret)).toString('hex');

describe('decodeSecret', () => {
  it.each([
    ['devicehive', '75ebe271e862', 'drops the incomplete last group'],
    ['devicehi', '75ebe271e862', 'keeps whole groups'],
    ['dev-ice_hi', '75ebe271e862', 'skips - and _ instead of reading them as base64url'],
    [' devi\ncehi. ', '75ebe271e862', 'skips everything else outside the alphabet'],
    ['++//', 'fbefff', 'reads + and /'],
    ['YWI=', '6162', 'reads padding'],
  ])('reads %j as %s: %s', (secret, bytes) => expect(hex(secret)).toBe(bytes));

  it.each(['', 'abc', '!!!!', '----', 'ab-c'])('makes nothing of %j', (secret) =>
    expect(hex(secret)).toBe(''),
  );
});
