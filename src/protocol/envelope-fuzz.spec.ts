import { expect, it } from 'vitest';
import { type Answered, decodeEnvelope, type Envelope, EnvelopeError } from './envelope.js';
import { isWithinLimits } from './json-limits.js';
import { isJsonObject } from './json-object.js';
import { scanObject } from './json-scanner.js';
import { isActionName } from './topics.js';

const ROUNDS = 5_000;
const REQUESTS = [
  '{"action":"command/update","requestId":7,"deviceId":"d","commandId":1,"command":{"status":"ok"}}',
  '{"action":"a","requestId":"r","list":[1,[2,{"b":null}],-3.5e2],"text":"ü😀\\n\\u00fc"}',
  '{ "x" : { "action" : "inner" } , "requestId" : { "a" : [ true ] } , "action" : "device/get" }',
  '{"requestId":1,"\\u0061ction":"x","requestId":2,"__proto__":{"action":"p"}}',
  '{"action":"a b","requestId":null,"n":18446744073709551615}',
];
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const buffers = (...texts: string[]) => texts.map((text) => Buffer.from(text));
const FRAGMENTS = buffers('\0', '\\u0000', '\\ud800', '\\', '"', '{', '}', '[', ']', ',', ':', ' ', '\ufeff');
const MEMBERS = buffers(
  '"x":"\\u0000",',
  '"x":"\\ud800\\u0041",',
  '"\\udc00":1,',
  '"x":1e999,',
  `"x":${deep(5)},`,
  `"x":${deep(120)},`,
  '"action":"late",',
  '"requestId":"late",',
  '"requestId":{"deep":"\\u0000"},',
  '"action":"a#",',
  '"\\u0061ction":"spelled",',
  '"request\\u0049d":[ "spelled" ] ,',
  '"x":{"__proto__":1,"constructo\\u0072":2},',
);
const HOSTILE = new Set(['__proto__', 'constructor', 'prototype']);

type JsonObject = Record<string, unknown>;

const utf8 = new TextDecoder();
const random = mulberry32(20_240_229);
const below = (limit: number) => Math.floor(random() * limit);
const oneOf = <Item>(items: readonly Item[]): Item => items[below(items.length)]!;

/** The same numbers in each run. */
function mulberry32(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function insert(bytes: Buffer, at: number, inserted: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}

/** Cuts the end off, flips a bit, takes some bytes out, or puts a fragment or a member in. */
function mutate(bytes: Buffer): Buffer {
  const at = below(bytes.length + 1);
  switch (below(10)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      if (at < bytes.length) bytes[at]! ^= 1 << below(8);
      return bytes;
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(4))]);
    case 3:
    case 4:
      return insert(bytes, at, oneOf(FRAGMENTS));
    case 5:
      return Buffer.concat([bytes, oneOf(FRAGMENTS)]);
    default:
      // Most often a valid request again.
      return insert(bytes, bytes.indexOf(oneOf(['{', ',']), at) + 1 || 1, oneOf(MEMBERS));
  }
}

function nextPayload(): Buffer {
  let payload: Buffer = Buffer.from(oneOf(REQUESTS));
  for (let times = 1 + below(3); times > 0; times--) payload = mutate(payload);
  return payload;
}

function withoutPadding(payload: Buffer): Buffer {
  return Buffer.from(payload.toString('latin1').replace(/[\0\t\n\r ]+$/, ''), 'latin1');
}

/** The object in a payload as the JavaScript engine reads it. */
function objectIn(json: Buffer, reviver?: (key: string, value: unknown) => unknown): JsonObject | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(json);
    const value: unknown = JSON.parse(text, reviver);
    return isJsonObject(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a requestId is within the limits, as far as its value tells. */
function isRepeatable(requestId: unknown): boolean {
  const text = JSON.stringify([requestId], (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? '\0' : value,
  );
  return isWithinLimits(text);
}

/** The outcome of decoding, with what a reply would repeat; anything but an EnvelopeError is thrown on. */
function readBy(payload: Buffer): { isDecoded: boolean; request?: Answered } {
  try {
    return { isDecoded: true, request: decodeEnvelope(payload) };
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return { isDecoded: false, request: error.request };
  }
}

it('whatever becomes of a request on its way, its refusal names action and requestId if it is a JSON object, and nothing else', () => {
  const seen = { decoded: 0, named: 0, unnamed: 0, anonymous: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const payload = nextPayload();
    const text = payload.toString();
    const object = objectIn(withoutPadding(payload));
    const { action, requestId } = object ?? {};
    const isNamed = typeof action === 'string' && isActionName(action);

    const { isDecoded, request } = readBy(payload);
    const repeated: unknown = request?.requestId && JSON.parse(request.requestId.text);
    seen[isDecoded ? 'decoded' : !request ? 'anonymous' : isNamed ? 'named' : 'unnamed']++;
    // An earlier one of equal keys in it may break a limit, which its value does not tell.
    const isOverridden = repeated === undefined && isJsonObject(requestId) && !isWithinLimits(text);
    // What is no name for a topic may stand in the reply.
    const mayStandThere = !isNamed && request?.action === String(action) ? request.action : null;
    expect({ text, request: request && { action: request.action, requestId: repeated } }).toEqual({
      text,
      request: object && {
        action: isNamed ? action : mayStandThere,
        requestId: isRepeatable(requestId) && !isOverridden ? requestId : undefined,
      },
    });
    if (isDecoded) expect({ text, isNamed }).toEqual({ text, isNamed: true });
  }
  // Each outcome comes up often enough to mean something.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(ROUNDS / 20);
});

it('the scanner finds the last of equal members, in an object as JSON.parse takes it', () => {
  const seen = { objects: 0, others: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const payload = nextPayload();
    const object = objectIn(payload);
    const members = scanObject(payload, ['action', 'requestId', 'x']);
    const values = Object.entries(members ?? {}).map(([name, json]) => [name, JSON.parse(utf8.decode(json))]);
    const wanted = ['action', 'requestId', 'x'].filter((name) => object && Object.hasOwn(object, name));
    seen[object ? 'objects' : 'others']++;
    expect({ text: payload.toString(), values: members && Object.fromEntries(values) }).toEqual({
      text: payload.toString(),
      values: object && Object.fromEntries(wanted.map((name) => [name, object[name]])),
    });
  }
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(ROUNDS / 20);
});

it('a decoded body is what JSON.parse gives, without the names that reach a prototype', () => {
  let dropped = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const payload = nextPayload();
    const { isDecoded, request } = readBy(payload);
    if (!isDecoded) continue;
    const json = withoutPadding(payload);
    const body = objectIn(json, (key, value) => (HOSTILE.has(key) ? undefined : value));
    expect(JSON.stringify((request as Envelope).body)).toBe(JSON.stringify(body));
    if (JSON.stringify(body) !== JSON.stringify(objectIn(json))) dropped++;
  }
  expect(dropped).toBeGreaterThan(ROUNDS / 50);
});
