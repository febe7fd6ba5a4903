import { MALFORMED_JSON } from '../protocol/action-error.js';
import { isWithinLimits } from '../protocol/json-limits.js';
import { isJsonObject } from '../protocol/json-object.js';
import { failure, textOf } from './client-error.js';
import type { JsonCodec } from './client-options.js';

/**
 * Checks the limits before a request is sent: whoever breaks one finds out at once, in the call that did it.
 * @throws {RpcException} 400 for what is no JSON, or beyond the service's limits
 */
export function printRequest(json: JsonCodec, request: object): string {
  let text: string;
  try {
    text = json.stringify(request);
  } catch (error) {
    throw failure(400, `The request is no JSON: ${textOf(error)}`, error);
  }
  if (!isWithinLimits(text)) throw failure(400, MALFORMED_JSON);
  return text;
}

/** @returns what a reply or an event consists of; nothing for what is no JSON object */
export function parseMessage(json: JsonCodec, payload: Buffer): Record<string, unknown> {
  try {
    const message = json.parse(payload.toString());
    return isJsonObject(message) ? (message as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** @returns as much of a message as is shown of one */
export const startOf = (payload: Buffer): string => payload.toString('utf8', 0, 1_024);
