import { describe, expect, it } from 'vitest';
import { accessDenied } from './action-error.js';
import { decodeEnvelope, EnvelopeError, errorReply, successReply, unknownAction } from './envelope.js';
import { JsonText } from './json-text.js';

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
    '{"action":"a","x":"\\u0000"}',
    '{"action":"a","x":"\\ud83d"}',
    '{"action":"a","x":1e309}',
    `{"action":"a","x":${'['.repeat(100)}${']'.repeat(100)}}`,
  ])('refuses %j without naming an action', (payload) => {
    const { code, message, request } = failure(payload);
    expect({ code, message, request }).toEqual({
      code: 400,
      message: 'Malformed Json received.',
      request: undefined,
    });
  });

  it('refuses what is not UTF-8', () => {
    const payload = Buffer.concat([Buffer.from('{"action":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(failure(payload).message).toBe('Malformed Json received.');
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
