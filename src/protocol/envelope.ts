import { ActionError, malformed } from './action-error.js';
import { isJsonObject } from './json-object.js';
import { isWithinLimits } from './json-limits.js';
import { scanObject } from './json-scanner.js';
import { JsonText, memberText, printJson, rememberSource } from './json-text.js';
import { isActionName } from './topics.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** No action name takes as many bytes, even if all of its 128 are written as `\uXXXX`. */
const MAX_ACTION_BYTES = 1_024;

/** DeviceHive's text. */
export const NO_ACTION = "'action' field could not be parsed to known endpoint";

/** A request as it came from `dh/request`: who is called, and the rest still unchecked. */
export interface Envelope {
  /** e.g. `command/update`; fit to be a topic */
  action: string;
  /** any JSON value, as the text it came in; `undefined` if the client sent none */
  requestId?: JsonText;
  /** the whole object, `action` and `requestId` included */
  body: Record<string, unknown>;
}

/** A request that cannot be dispatched. `request` is set if the payload is a JSON object. */
export class EnvelopeError extends ActionError {
  constructor(
    code: number,
    message: string,
    readonly request?: Answered,
  ) {
    super(code, message);
  }
}

/** The part of a request that its reply repeats; `action` is `null` if the request named none. */
export interface Answered {
  action: string | null;
  requestId?: JsonText;
}

/**
 * Decodes one payload of `dh/request`.
 * White space and NUL bytes after the JSON are ignored: PubSubClient publishes its whole buffer.
 * @throws {EnvelopeError} 400 for what is not UTF-8, not a JSON object, beyond the limits, or names no action
 */
export function decodeEnvelope(payload: Uint8Array): Envelope {
  const body = parseObject(payload);
  const requestId = memberText(body, 'requestId');
  const action = actionOf(body.action);
  if (!action) {
    throw new EnvelopeError(400, NO_ACTION, {
      action: null,
      requestId,
    });
  }
  if (!isActionName(action)) throw unknownAction(action, requestId);
  return { action, requestId, body };
}

/** The answer to an action that nobody handles; one that is too long is repeated in part. */
export function unknownAction(action: string, requestId?: JsonText): EnvelopeError {
  const shown = action.length > 128 ? `${action.slice(0, 128)}...` : action;
  return new EnvelopeError(400, `Illegal argument: ${shown}`, { action: shown, requestId });
}

/**
 * Finds the action and the `requestId` of a request that breaks a limit and is not decoded. Its refusal repeats them:
 * the sender waits for the `requestId` on the topic of the action.
 * @param maxBytes of a `requestId`; one that is longer, or breaks a limit itself, is left out
 * @returns `undefined` if the payload is not a JSON object
 */
export function answeredOf(payload: Uint8Array, maxBytes = payload.length): Answered | undefined {
  const members = scanObject(withoutPadding(payload), ['action', 'requestId']);
  if (!members) return undefined;
  const { action, requestId } = members;
  return { action: actionNameIn(action), requestId: requestIdIn(requestId, maxBytes) };
}

function actionNameIn(json: Uint8Array | undefined): string | null {
  if (!json || json.length > MAX_ACTION_BYTES) return null;
  const text = utf8.decode(json);
  if (!isWithinLimits(text)) return null;
  const action = actionOf(JSON.parse(text));
  return isActionName(action) ? action : null;
}

function requestIdIn(json: Uint8Array | undefined, maxBytes: number): JsonText | undefined {
  if (!json || json.length > maxBytes) return undefined;
  const text = utf8.decode(json);
  // The brackets stand for the request, which is a level of nesting too.
  return isWithinLimits(`[${text}]`) ? new JsonText(text) : undefined;
}

/**
 * Names by which class-transformer reaches a prototype or takes a constructor from the data. They are left out
 * of what dtos are made from; `parameters` and `result` keep them, as they are stored as text.
 */
const HOSTILE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
/** A key may also be spelled with escapes. */
const MAY_HOLD_HOSTILE_KEY = /__proto__|constructor|prototype|\\u00/;

/** Not a reviver of `JSON.parse`, which takes 0.1 s for a megabyte of small values. */
function dropHostileKeys(value: unknown): void {
  if (Array.isArray(value)) return value.forEach(dropHostileKeys);
  if (!isJsonObject(value)) return;
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object)) {
    if (HOSTILE_KEYS.has(key)) delete object[key];
    else dropHostileKeys(object[key]);
  }
}

function parseObject(payload: Uint8Array): Record<string, unknown> {
  try {
    const text = utf8.decode(withoutPadding(payload));
    if (!isWithinLimits(text)) throw malformed();
    const body: unknown = JSON.parse(text);
    if (!isJsonObject(body)) throw malformed();
    if (MAY_HOLD_HOSTILE_KEY.test(text)) dropHostileKeys(body);
    rememberSource(body, text);
    return body as Record<string, unknown>;
  } catch {
    throw new EnvelopeError(400, malformed().message, answeredOf(payload));
  }
}

/** Not a regular expression: on a long run of white space one would look back from each of its characters. */
function withoutPadding(payload: Uint8Array): Uint8Array {
  let end = payload.length;
  while (end > 0 && isPadding(payload[end - 1]!)) end--;
  return payload.subarray(0, end);
}

/** NUL, tab, line feed, carriage return, space. */
const isPadding = (c: number): boolean => c === 0x20 || c === 0x00 || c === 0x0a || c === 0x0d || c === 0x09;

/** As the original: a number or a boolean is read as its text; null, "", objects and arrays name no action. */
function actionOf(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' ? value : '';
}

/** `{"action","requestId","status":"success",...data}`; a member of `data` never replaces one of the envelope. */
export function successReply(request: Answered, data?: object): string {
  const envelope = { action: request.action, requestId: request.requestId ?? null, status: 'success' };
  return printJson(data ? { ...envelope, ...data, ...envelope } : envelope);
}

/** `{"action","requestId","code","status":"error","error"}`; without a request only the last three. */
export function errorReply(request: Answered | undefined, error: ActionError): string {
  const failure = { code: error.code, status: 'error', error: error.message };
  if (!request) return printJson(failure);
  return printJson({ action: request.action, requestId: request.requestId ?? null, ...failure });
}
