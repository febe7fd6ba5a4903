import { describe, expect, it } from 'vitest';
import { accessDenied } from './action-error.js';
import {
  answeredOf,
  decodeEnvelope,
  EnvelopeError,
  errorReply,
  successReply,
  unknownAction,
} from './envelope.js';
import { JsonText } from './json-text.js';

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

const decode = (text: string) => decodeEnvelope(Buffer.from(text));

function failure(payload: string | Uint8Array): EnvelopeError {
  try {
    decodeEnvelope(Buffer.from(payload));
  } catch (error) {
    if (error instanceof EnvelopeError) return error;
  }
  throw new Error('it is not refused');
}

describe('decodeEnvelope', () => {
  it('gives action, body and the text of the requestId', () => {
    const { action, requestId, body } = decode(
      '{"action":"command/update","requestId": 9007199254740993,"x":1}',
    );
    expect(action).toBe('command/update');
    expect(requestId?.text).toBe('9007199254740993');
    expect(body).toMatchObject({ action: 'command/update', x: 1 });
  });

  it.each(['"a"', '{"any": ["json"]}', '[1, 2]', 'null', '1.50', 'false'])(
    'echoes the requestId %s',
    (id) => {
      const request = decode(`{"requestId":${id},"action":"a"}`);
      expect(successReply(request)).toBe(`{"action":"a","requestId":${id},"status":"success"}`);
    },
  );

  it.each(['{"action":"a"}\0\0\0', '{"action":"a"}\r\n \0\n', ' {"action":"a"}', '\ufeff{"action":"a"}'])(
    'reads %j',
    (text) => expect(decode(text).action).toBe('a'),
  );

  it.each([
    ['5', '5'],
    ['true', 'true'],
  ])('reads the action %s as text', (value, action) => {
    expect(decode(`{"action":${value}}`).action).toBe(action);
  });

  it.each([
    '',
    '\0',
    'x',
    '[1]',
    '5',
    'null',
    '"a"',
    '{action:"a"}',
    "{'action':'a'}",
    '{"action":"a",}',
    '{"action":"a"}x',
    '{"action":"a"}\0{}',
    '{"action":"a","x":"\0"}',
    '{"action":"a","x":"\\u0000"',
    `{"action":"a","x":${'['.repeat(100)}`,
  ])('refuses %j without naming an action', (payload) => {
    const { code, message, request } = failure(payload);
    expect({ code, message, request }).toEqual({
      code: 400,
      message: 'Malformed Json received.',
      request: undefined,
    });
  });

  it.each([
    ['U+0000', '"\\u0000"'],
    ['U+0000 in a key', '{"\\u0000":1}'],
    ['a lone surrogate', '"\\ud83d"'],
    ['a number beyond a double', '1e309'],
    ['401 digits', '9'.repeat(401)],
    ['numbers that expand too far', `[${Array(257).fill('1e256').join(',')}]`],
    ['101 levels', deep(100)],
    ['300,001 levels', deep(300_000)],
  ])('refuses a request with %s in the name of its action and requestId', (_, value) => {
    const { code, message, request } = failure(`{"x":${value},"requestId": "r" ,"action":"a"}\0`);
    expect({ code, message, request }).toEqual({
      code: 400,
      message: 'Malformed Json received.',
      request: { action: 'a', requestId: new JsonText('"r"') },
    });
  });

  it.each([
    ['U+0000', '"\\u0000"'],
    ['a lone surrogate', '"\\ud83d"'],
    ['a number beyond a double', '1e309'],
    ['101 levels', deep(100)],
    ['300,001 levels', deep(300_000)],
  ])('does not repeat a requestId with %s', (_, requestId) => {
    const { request } = failure(`{"action":"a","requestId":${requestId}}`);
    expect(request).toEqual({ action: 'a', requestId: undefined });
  });

  it('repeats a requestId of as many levels as a request may have', () => {
    const requestId = deep(99);
    expect(decode(`{"action":"a","requestId":${requestId}}`).requestId?.text).toBe(requestId);
    const { request } = failure(`{"action":"a","requestId":${requestId},"x":1e309}`);
    expect(request?.requestId?.text).toBe(requestId);
  });

  it.each([
    ['a wildcard', '"a/+/b"'],
    ['an @', '"a@b"'],
    ['no characters', '""'],
    ['U+0000', '"\\u0000"'],
    ['2,000 characters', `"${'x'.repeat(2_000)}"`],
    ['an exponent beyond a double', '1e309'],
    ['no value', 'null'],
    ['members', '{"a":1}'],
    ['300,000 levels', deep(300_000)],
  ])('names no action of %s in the refusal of what breaks a limit', (_, action) => {
    const { message, request } = failure(`{"action":${action},"requestId":7,"x":1e309}`);
    expect(message).toBe('Malformed Json received.');
    expect(request).toEqual({ action: null, requestId: new JsonText('7') });
  });

  it('refuses what is not UTF-8 without naming an action', () => {
    const payload = Buffer.concat([
      Buffer.from('{"action":"a","x":"'),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ]);
    const { message, request } = failure(payload);
    expect({ message, request }).toEqual({ message: 'Malformed Json received.', request: undefined });
  });

  it.each(['__proto__', 'constructor', 'prototype'])('leaves members named %s out at any depth', (key) => {
    const text = `{"action":"a","${key}":{"x":1},"list":[{"${key}":1,"y":2}]}`;
    const escaped = text.replaceAll('o', '\\u006f');
    for (const payload of [text, escaped]) {
      const { body } = decode(payload);
      expect(Object.keys(body)).toEqual(['action', 'list']);
      expect(body.list).toEqual([{ y: 2 }]);
      expect(Object.getPrototypeOf(body)).toBe(Object.prototype);
    }
  });

  it('survives any depth', () => {
    expect(failure('{"a":'.repeat(100_000)).code).toBe(400);
  });

  it.each(['{"requestId":7}', '{"action":null,"requestId":7}', '{"action":"","requestId":7}'])(
    'answers %s with its requestId and no action',
    (payload) => {
      const error = failure(payload);
      expect(errorReply(error.request, error)).toBe(
        '{"action":null,"requestId":7,"code":400,"status":"error","error":"\'action\' field could not be parsed to known endpoint"}',
      );
    },
  );

  it.each(['{"action":{}}', '{"action":[]}', '{"__proto__":{"action":"a"}}'])(
    'finds no action in %s',
    (payload) => {
      expect(failure(payload).request).toEqual({ action: null, requestId: undefined });
    },
  );

  it.each(['a#', 'a@b', 'a/b/c/d/e', 'dh/+'])('names the action %s in the answer only', (action) => {
    const error = failure(JSON.stringify({ action }));
    expect(error.message).toBe(`Illegal argument: ${action}`);
    expect(error.request?.action).toBe(action);
  });

  it('repeats an action that is too long in part', () => {
    const { message, request } = unknownAction('x'.repeat(70_000), new JsonText('1'));
    const shown = `${'x'.repeat(128)}...`;
    expect(message).toBe(`Illegal argument: ${shown}`);
    expect(request).toEqual({ action: shown, requestId: new JsonText('1') });
  });

  // Quadratic work would take the one thread for minutes with the megabyte that a request may have.
  it('reads 100 kB of white space within a moment', () => {
    expect(decode(`{"action":${' '.repeat(100_000)}"a"}`).action).toBe('a');
  });
});

describe('answeredOf', () => {
  const payload = Buffer.from('{"action":"a","requestId":"12345678"}');

  it('repeats a requestId of at most as many bytes as it is told', () => {
    expect(answeredOf(payload, 10)?.requestId?.text).toBe('"12345678"');
    expect(answeredOf(payload, 9)).toEqual({ action: 'a', requestId: undefined });
  });

  it('counts bytes, not characters', () => {
    expect(answeredOf(Buffer.from('{"action":"a","requestId":"üü"}'), 5)?.requestId).toBeUndefined();
  });
});

describe('replies', () => {
  it('put the envelope first and never let data replace it', () => {
    const data = { status: 'x', action: 'y', requestId: 1, code: 2, command: null, gone: undefined };
    expect(successReply({ action: 'a', requestId: new JsonText('"r"') }, data)).toBe(
      '{"action":"a","requestId":"r","status":"success","code":2,"command":null}',
    );
  });

  it('carry null for a missing requestId', () => {
    expect(successReply({ action: 'a' })).toBe('{"action":"a","requestId":null,"status":"success"}');
    expect(errorReply({ action: 'a' }, accessDenied())).toBe(
      '{"action":"a","requestId":null,"code":403,"status":"error","error":"Access is denied"}',
    );
  });

  it('carry neither action nor requestId where there is no request', () => {
    const error = failure('x');
    expect(errorReply(error.request, error)).toBe(
      '{"code":400,"status":"error","error":"Malformed Json received."}',
    );
  });
});
