import {
  type ActionError,
  foreignTopic,
  requestTooLarge,
  retainedRequest,
} from '../../protocol/action-error.js';
import {
  type Answered,
  answeredOf,
  decodeEnvelope,
  type Envelope,
  type EnvelopeError,
} from '../../protocol/envelope.js';
import { PROBE_ACTION } from '../../protocol/topics.js';
import type { Delivery } from '../link/request-channel.js';

/** A request that is refused before it reaches a handler. */
export interface Refusal {
  error: ActionError;
  request?: Answered;
}

/**
 * Decodes what the broker hands over.
 * @returns `undefined` for our own probe, which the channel takes
 */
export function readRequest(delivery: Delivery, maxBytes: number): Envelope | Refusal | undefined {
  const { channel, packet, origin } = delivery;
  const payload = packet.payload as Buffer;
  if (payload.length > maxBytes) {
    return { error: requestTooLarge(maxBytes), request: answeredOf(payload, maxBytes) };
  }
  try {
    const request = decodeEnvelope(payload);
    if (request.action === PROBE_ACTION && channel.takesProbe(request.body.nonce, origin)) return undefined;
    if (origin.retained) return { error: retainedRequest(), request };
    if (origin.asksForForeignTopic) return { error: foreignTopic(), request };
    return request;
  } catch (error) {
    return { error: error as EnvelopeError, request: (error as EnvelopeError).request };
  }
}
