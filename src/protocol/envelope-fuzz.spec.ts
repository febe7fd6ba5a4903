import { expect, it } from 'vitest';
import { type Answered, decodeEnvelope, EnvelopeError } from './envelope.js';
import { isWithinLimits } from './json-limits.js';
import { isJsonObject } from './json-object.js';
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
);

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

/** The object in a payload as the JavaScript engine reads it. */
function objectIn(payload: Buffer): Record<string, unknown> | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    const value: unknown = JSON.parse(text.replace(/[\0\t\n\r ]+$/, ''));
    return isJsonObject(value) ? (value as Record<string, unknown>) : undefined;
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

/** What is known of a request when it is answered; anything but an EnvelopeError is thrown on. */
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
    let payload: Buffer = Buffer.from(oneOf(REQUESTS));
    for (let times = 1 + below(3); times > 0; times--) payload = mutate(payload);
    const text = payload.toString();
    const object = objectIn(payload);
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
