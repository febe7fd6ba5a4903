import { describe, expect, it } from 'vitest';
import { harmless, plain, shown } from './shown.js';

describe('a text for the log', () => {
  it.each([
    ['ordinary', '"ordinary"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['line\nbreak', '"line\\nbreak"'],
    ['\u001b[31m', '"\\u001b[31m"'],
    ['\u009b31m', '"\\u{9b}31m"'],
    ['\u202egnp.exe', '"\\u{202e}gnp.exe"'],
    ['a\u2028b\u2029c', '"a\\u{2028}b\\u{2029}c"'],
    ['grün 🌱', '"grün 🌱"'],
  ])('%j is shown as %s', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  it('is cut after 128 characters', () => {
    expect(shown('x'.repeat(200))).toBe(`"${'x'.repeat(128)}..."`);
  });

  it('that is JSON already keeps its form', () => {
    expect(plain('{"a":"\u009b"}')).toBe('{"a":"\\u{9b}"}');
  });
});

describe('JSON for a terminal', () => {
  it('is without what is not seen, and says the same', () => {
    const value = { '\u009b': '\u007f\u0085 \u202ea\u2066b\u2069 \u2028 \u{e0041}', plain: 'grün 🌱\u001b' };
    const text = harmless(JSON.stringify(value));
    expect(text).toBe(
      '{"\\u009b":"\\u007f\\u0085 \\u202ea\\u2066b\\u2069 \\u2028 \\udb40\\udc41","plain":"grün 🌱\\u001b"}',
    );
    expect(JSON.parse(text)).toEqual(value);
  });
});
