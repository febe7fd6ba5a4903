import { describe, expect, it } from 'vitest';
import { codeOf } from './client-error.js';
import { keyOf, parseReply } from './reply.js';

const parse = (text: string) => parseReply(JSON, Buffer.from(text));
const NESTED = '['.repeat(20_000) + ']'.repeat(20_000);

describe('parseReply', () => {
  it('reads a success without its envelope', () => {
    expect(parse('{"action":"a","requestId":7,"status":"success","x":1}')).toEqual({
      key: '7',
      outcome: { reply: { x: 1 } },
    });
  });

  it.each([
    ['for a request', '{"requestId":"7","status":"error","code":404,"error":"No such"}', '"7"'],
    ['for nobody', '{"status":"error","code":404,"error":"No such"}', undefined],
    ['for whom nobody can name', `{"requestId":${NESTED},"code":404,"error":"No such"}`, undefined],
  ])('reads a refusal %s', (_, text, key) => {
    const { key: named, outcome } = parse(text)!;
    const { error } = outcome as { error: Error };
    expect([named, codeOf(error), error.message]).toEqual([key, 404, 'No such']);
  });

  it.each([
    ['an error that is no text', '{"requestId":7,"code":400,"error":{"toString":1}}'],
    ['an error alone', '{"error":{"toString":1}}'],
    ['a code that is no number', '{"requestId":7,"code":{"valueOf":1,"toString":1},"error":"x"}'],
    ['neither', '{"requestId":7}'],
    ['a success of a request that nobody can name', `{"requestId":${NESTED},"status":"success"}`],
    ['a list', '[]'],
    ['no JSON', '{'],
    ['nothing', ''],
  ])('takes %s for no reply', (_, text) => expect(parse(text)).toBeUndefined());

  it('takes the code from a codec that has numbers of its own', () => {
    const parseOwn = (text: string) =>
      JSON.parse(text, (_, value: unknown) => (typeof value === 'number' ? { value } : value)) as unknown;
    const reply = parseReply(
      { parse: parseOwn, stringify: JSON.stringify },
      Buffer.from('{"requestId":"7","code":404,"error":"No such"}'),
    );
    expect(codeOf((reply!.outcome as { error: Error }).error)).toBe(404);
  });
});

describe('keyOf', () => {
  it.each([
    ['a', '"a"'],
    [0, '0'],
    [{ a: [1] }, '{"a":[1]}'],
  ])('%j is named %s', (id, key) => expect(keyOf(JSON, id)).toBe(key));

  it.each([[NaN], [Infinity], [() => 1], [Symbol('a')], [null], [undefined], [12n]])(
    '%s names no request',
    (id) => expect(keyOf(JSON, id)).toBeUndefined(),
  );
});
