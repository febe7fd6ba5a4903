import { describe, expect, it } from 'vitest';
import { isWithinLimits } from './json-limits.js';

const nested = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth);

describe('isWithinLimits', () => {
  it.each([
    ['100 levels', nested(100, '[', ']')],
    ['many objects beside each other', `[${Array(1000).fill('{}').join(',')}]`],
    ['brackets in a string', `"${'['.repeat(1000)}"`],
    ['brackets behind an escaped quote', `"\\"${'['.repeat(1000)}"`],
    ['a surrogate pair', '"😀"'],
    ['an escaped surrogate pair', '"\\ud83d\\ude00"'],
    ['an escaped backslash before u0000', '"\\\\u0000"'],
    ['a control character that is storable', '"\\u0001"'],
    ['the highest exponent', '[1e308,-1E-308,1e+308]'],
    ['a 64-bit id', '18446744073709551615'],
    ['an exponent in a string', '"1e999"'],
    ['400 digits', '9'.repeat(400)],
    ['numbers that expand to 65536 digits', `[${Array(256).fill('1e256').join(',')}]`],
  ])('takes %s', (_, text) => expect(isWithinLimits(text)).toBe(true));

  it.each([
    ['101 arrays', nested(101, '[', ']')],
    ['101 objects', nested(101, '{"a":', '}')],
    ['levels behind a string', `["\\\\",${nested(100, '[', ']')}]`],
    ['u0000', '"a\\u0000"'],
    ['u0000 in a name', '{"\\u0000":1}'],
    ['a lone high surrogate', '"\\ud83d"'],
    ['a high surrogate before a letter', '"\\ud83dx"'],
    ['a high surrogate before an escape', '"\\ud83d\\n"'],
    ['a lone low surrogate', '"\\ude00"'],
    ['two high surrogates', '"\\ud83d\\ud83d\\ude00"'],
    ['an exponent beyond a double', '1e309'],
    ['a fraction of too many digits', '[1E-309]'],
    ['an exponent of many digits', '0e99999999999999999999'],
    ['401 digits', '9'.repeat(401)],
    ['numbers that expand to more than 65536 digits', `[${Array(257).fill('1e256').join(',')}]`],
  ])('refuses %s', (_, text) => expect(isWithinLimits(text)).toBe(false));
});
