import { LINKED_REQUEST_FILTER, linkedReplyTopic, parseLinkedRequest } from '../protocol/service-link.js';
import { responseTopic } from '../protocol/topics.js';

/** Who sent a request, as the broker vouches for it, and where its reply goes. */
export interface RequestOrigin {
  clientId: string;
  /** the connection it came over; sessions belong to it. Only the built-in broker can tell. */
  connectionId?: string;
  /** the QoS the client chose; the reply has the same, at most 1 */
  qos: number;
  retained: boolean;
  /** @param action `null` for a request whose action is not usable */
  replyTopic(action: string | null): string;
}

/** How the service learns who sent a request: one source in a deployment, never mixed. */
export abstract class ClientIdentity {
  /** the topic filter the service subscribes to */
  abstract readonly filter: string;
  /** @returns `undefined` where the sender cannot be known; such a request is not executed */
  abstract identify(topic: string): RequestOrigin | undefined;
}

/** On the built-in broker the request topic itself says who asks; only the broker can write it. */
export class BuiltInIdentity extends ClientIdentity {
  override readonly filter = LINKED_REQUEST_FILTER;

  override identify(topic: string): RequestOrigin | undefined {
    const request = parseLinkedRequest(topic);
    if (!request) return undefined;
    return {
      ...request,
      replyTopic: (action) => linkedReplyTopic(request, responseTopic(action, request.clientId)),
    };
  }
}
