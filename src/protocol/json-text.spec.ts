import { describe, expect, it } from 'vitest';
import { JsonText, membersOf, memberText, printJson, rememberSource } from './json-text.js';

function parse(text: string): Record<string, object> {
  const value = JSON.parse(text) as Record<string, object>;
  rememberSource(value, text);
  return value;
}

describe('memberText', () => {
  it.each([
    ['{"a":9007199254740993}', '9007199254740993'],
    ['{ "b" : [1,{"a":2}] , "a" :\t1.50 \n}', '1.50'],
    ['{"x":"}\\",{\\\\","a":{"y":"\\"}","z":[[]]}}', '{"y":"\\"}","z":[[]]}'],
    ['{"a":1,"a":2}', '2'],
    ['{"\\u0061":"ü\\n"}', '"ü\\n"'],
    ['{"a":null}', 'null'],
    ['{"b":{"a":1},"a":[{"a":2},"]"]}', '[{"a":2},"]"]'],
  ])('gives the member a of %s as it was written', (text, member) => {
    expect(memberText(parse(text), 'a')?.text).toBe(member);
  });

  it('reaches into objects of the request, through their parents', () => {
    const value = parse('{"command":{"parameters":{"id": 18446744073709551615}}}');
    expect(membersOf(value)?.get('command')).toBe('{"parameters":{"id": 18446744073709551615}}');
    expect(memberText(value.command!, 'parameters')?.text).toBe('{"id": 18446744073709551615}');
  });

  it('reaches into the last of repeated objects, as the parser keeps it', () => {
    const value = parse('{"command":{"id":1},"command":{"id":2e0}}');
    expect(memberText(value, 'command')?.text).toBe('{"id":2e0}');
    expect(memberText(value.command!, 'id')?.text).toBe('2e0');
  });

  it('knows a member named __proto__ as any other and nothing inherited', () => {
    const value = parse('{"__proto__":{"a":1}}');
    expect(memberText(value, '__proto__')?.text).toBe('{"a":1}');
    expect(memberText(value, 'a')).toBeUndefined();
    expect(memberText(value, 'toString')).toBeUndefined();
    expect(memberText({}, 'toString')).toBeUndefined();
  });

  it('knows nothing of objects that did not come out of a request, and of the empty one', () => {
    expect(memberText({ a: 1 }, 'a')).toBeUndefined();
    expect(membersOf({ a: 1 })).toBeUndefined();
    expect(memberText(parse('{ }'), 'a')).toBeUndefined();
  });
});

describe('printJson', () => {
  it('prints a JsonText as its own text, wherever it is', () => {
    const id = new JsonText('9007199254740993');
    expect(printJson(id)).toBe('9007199254740993');
    expect(printJson({ id, list: [id, { id }] })).toBe(
      '{"id":9007199254740993,"list":[9007199254740993,{"id":9007199254740993}]}',
    );
  });

  it('prints everything else as JSON.stringify does', () => {
    const date = new Date(0);
    const value = { a: 'ü"\n\u2028', b: null, c: undefined, d: [1.5, true, undefined, {}], '"': date };
    expect(printJson(value)).toBe(JSON.stringify(value));
  });

  it.each([
    '',
    'plain',
    'ü€',
    '"',
    '\\',
    '\u0000',
    '\u001f',
    '\u007f',
    '\u009f',
    '\u2028',
    '😀',
    '\ud800',
    'a\udfff',
  ])('prints the text %j as JSON.stringify does', (text) => {
    expect(printJson(text)).toBe(JSON.stringify(text));
    expect(printJson([text, { [text]: text }])).toBe(JSON.stringify([text, { [text]: text }]));
  });

  it.each([0, -0, 12, -1.5, 1e21, 2 ** 53, NaN, Infinity, true, false, null, undefined])(
    'prints %s as JSON.stringify does',
    (value) => {
      expect(printJson([value, { value }])).toBe(JSON.stringify([value, { value }]));
    },
  );

  it('gives JSON.stringify the parsed value', () => {
    expect(JSON.stringify({ a: new JsonText('{"b": 1}') })).toBe('{"a":{"b":1}}');
  });
});
