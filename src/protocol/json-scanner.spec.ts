import { describe, expect, it } from 'vitest';
import { isJsonObject } from './json-object.js';
import { scanObject } from './json-scanner.js';

/** The values that are found, as texts. */
function scan(text: string): Record<string, string> | undefined {
  const values = scanObject(Buffer.from(text), ['action', 'requestId']);
  return (
    values && Object.fromEntries(Object.entries(values).map(([name, json]) => [name, utf8.decode(json)]))
  );
}
const utf8 = new TextDecoder();
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

function isObjectByParser(text: string): boolean {
  try {
    return isJsonObject(JSON.parse(text));
  } catch {
    return false;
  }
}

describe('scanObject', () => {
  it.each([
    ['{}', {}],
    [' { } \n', {}],
    ['{"action":"a","requestId":7}', { action: '"a"', requestId: '7' }],
    ['\t{ "action"\r:\n"a" , "requestId" : [ 1 ] }', { action: '"a"', requestId: '[ 1 ]' }],
    ['{"action":1,"action":2}', { action: '2' }],
    [
      '{"action":1,"requestId":2,"act\\u0069on":{"requestId":3},"b":4}',
      { action: '{"requestId":3}', requestId: '2' },
    ],
    ['{"action":1,"b":{"action":2},"c":[{"action":3}]}', { action: '1' }],
    ['{"b":"\\",\\"action\\":1","requestId":{"action":"}"}}', { requestId: '{"action":"}"}' }],
    ['{"\\u0061\\u0063tion":1,"request\\u0049d":2,"act\\u0049on":3}', { action: '1', requestId: '2' }],
    ['{"Action":1,"actio":2,"actions":3,"\\\\action":4,"":5}', {}],
    ['{"action":"ü😀\\ud800\\u0000"}', { action: '"ü😀\\ud800\\u0000"' }],
    [
      '{"action":-0.5E+30,"requestId":true,"a":false,"b":null,"c":0e-1}',
      { action: '-0.5E+30', requestId: 'true' },
    ],
    ['{"action":[[],{},[{"a":[]}]],"requestId":{}}', { action: '[[],{},[{"a":[]}]]', requestId: '{}' }],
    ['\ufeff{"action":1}', { action: '1' }],
    ['{"__proto__":1,"action":2}', { action: '2' }],
  ])('finds in %j the members %j', (text, members) => expect(scan(text)).toEqual(members));

  const NO_VALUES =
    '01 - +1 .5 1. 1.e1 1e 1e+ --1 1- 0x1 NaN tru truE nulll undefined [1,] [,1] [} {] [1}] [1:2] "a "\\" "a\\u00 "\\';
  it.each([
    ...NO_VALUES.split(' ').map((value) => `{"a":${value}}`),
    ...['"\n"', '"\0"', '"\t"', '"\\x41"', '"\\u12"', '"\\u12g4"', '[1 2]'].map((value) => `{"a":${value}}`),
    ...'[] "a" 1 null { } {"a" {"a": {"a":1 {"a":1, {"a":1,} {,} {"a"::1} {a:1} {1:1} {"a":1}} {"a":1}x {}{}'.split(
      ' ',
    ),
    '',
    ' ',
    '{"a" 1}',
    "{'a':1}",
    '{"a":1 "b":2}',
    '{"a":\u00a01}',
    '{"a":1}\0',
    '{"a\n":1}',
    '\ufeff\ufeff{}',
  ])('takes %j for no object, as JSON.parse does', (text) => {
    expect(scan(text)).toBeUndefined();
    expect(isObjectByParser(text)).toBe(false);
  });

  it.each([
    ['a byte that UTF-8 has not', [0xff]],
    ['a sequence that is cut off', [0xe2, 0x82]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['an overlong encoding', [0xc0, 0x80]],
  ])('takes an object with %s for none', (_, bytes) => {
    const json = Buffer.concat([Buffer.from('{"action":"'), Buffer.from(bytes), Buffer.from('"}')]);
    expect(scanObject(json, ['action'])).toBeUndefined();
  });

  it.each([
    ['2,000,000 levels', deep(2_000_000), true],
    ['2,000,000 levels that are not closed', '['.repeat(2_000_000), false],
    ['2,000,000 levels of which one is closed by a brace', `${'['.repeat(2_000_000)}}`, false],
    ['600,000 objects inside each other', `${'{"":'.repeat(600_000)}1${'}'.repeat(600_000)}`, true],
    ['a text of 4 MB', `"${'x'.repeat(4_000_000)}"`, true],
    ['4 MB of escapes', `"${'\\"'.repeat(2_000_000)}"`, true],
    ['4 MB of backslashes without an end', `"${'\\\\'.repeat(2_000_000)}`, false],
    ['4 MB of digits', '1'.repeat(4_000_000), true],
    ['4 MB of white space', `${' '.repeat(4_000_000)}1`, true],
    ['1,300,000 arrays', `[${'[],'.repeat(1_300_000)}[]]`, true],
    ['600,000 keys', `{${'"a":1,'.repeat(600_000)}"a":1}`, true],
    [
      '300,000 other actions and requestIds',
      `0${',"action":1,"requestId":2'.repeat(150_000)},"action":"a"`,
      true,
    ],
  ])('reads past %s', (_, value, isJson) => {
    const members = { action: '"a"', requestId: '7' };
    const text = `{"action":"a","x":${value},"requestId":7}`;
    expect(scan(text)).toEqual(isJson ? members : undefined);
  });
});
