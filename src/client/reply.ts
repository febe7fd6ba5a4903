import type { Outcome } from './call.js';
import { failure } from './client-error.js';
import type { JsonCodec } from './client-options.js';
import { parseMessage } from './request-text.js';

/** A request's outcome, as the service tells it. */
export interface Reply {
  /** as `keyOf` names the request; `undefined` where the reply does not */
  key?: string;
  outcome: Outcome;
}

/** @returns `undefined` for a message that is no reply: anybody may have sent it whom the broker lets */
export function parseReply(json: JsonCodec, payload: Buffer): Reply | undefined {
  const { action: _, requestId, status, code: __, error: ___, ...reply } = parseMessage(json, payload);
  const key = keyOf(json, requestId);
  if (status === 'success') return key === undefined ? undefined : { key, outcome: { reply } };
  // As the service writes them, whatever the codec makes of numbers.
  const { code, error } = parseMessage(JSON, payload);
  if (typeof code !== 'number' || typeof error !== 'string') return undefined;
  return { key, outcome: { error: failure(code, error) } };
}

/** @returns the JSON text of a requestId; `undefined` where it has none, or one that names no request */
export function keyOf(json: JsonCodec, requestId: unknown): string | undefined {
  try {
    const key: unknown = json.stringify(requestId);
    return typeof key === 'string' && key !== 'null' ? key : undefined;
  } catch {
    return undefined;
  }
}
