import type { IPublishPacket } from 'mqtt';
import { LINKED_REQUEST_FILTER, linkedReplyTopic, parseLinkedRequest } from '../../protocol/service-link.js';
import { isClientId, isResponseTopicOf, REQUEST_TOPIC, responseTopic } from '../../protocol/topics.js';

/** Who sent a request, as the broker vouches for it, and where its reply goes. */
export interface RequestOrigin {
  clientId: string;
  /** the connection it came over; sessions belong to it. Only the built-in broker can tell. */
  connectionId?: string;
  /** counts the requests of that connection */
  number?: number;
  /** the QoS the client chose; the reply has the same, at most 1 */
  qos: number;
  retained: boolean;
  /** `authorization: Bearer ...` among the user properties of MQTT 5 */
  bearerToken?: string;
  /** goes back with the reply, as it came */
  correlationData?: Buffer;
  /** the request names a Response Topic that is not its sender's: it is refused, and not there */
  asksForForeignTopic?: boolean;
  /** @param action `null` for a request whose action is not usable */
  replyTopic(action: string | null): string;
}

type UserProperties = Record<string, string | string[]>;

/** How the service learns who sent a request: one source in a deployment, never mixed. */
export abstract class ClientIdentity {
  /** the topic filter the service subscribes to */
  abstract readonly filter: string;
  /** what a request needs so that its sender is known; completes "requests must ..." */
  abstract readonly requirement: string;
  /** @returns `undefined` where the sender cannot be known; such a request is not executed */
  abstract identify(packet: IPublishPacket): RequestOrigin | undefined;
  /** Where the service sends a request of its own, to see whether it comes back as its own. */
  abstract probe(clientId: string): { topic: string; userProperties?: UserProperties };
}

/** On the built-in broker the request topic itself says who asks; only the broker can write it. */
export class BuiltInIdentity extends ClientIdentity {
  override readonly filter = LINKED_REQUEST_FILTER;
  override readonly requirement = 'come from the built-in broker';

  override identify({ topic }: IPublishPacket): RequestOrigin | undefined {
    const request = parseLinkedRequest(topic);
    if (!request) return undefined;
    const replyTopic = (action: string | null) =>
      linkedReplyTopic(request, responseTopic(action, request.clientId));
    return { replyTopic, ...request };
  }

  override probe() {
    return { topic: REQUEST_TOPIC };
  }
}

/** `dh/request/<client id>`, which the broker's ACL (or its rewriting of topics) lets only that client publish. */
export class TopicIdentity extends ClientIdentity {
  override readonly filter = `${REQUEST_TOPIC}/#`;
  override readonly requirement = `be published on ${REQUEST_TOPIC}/<client id>`;

  override identify(packet: IPublishPacket): RequestOrigin | undefined {
    return originOf(packet.topic.slice(REQUEST_TOPIC.length + 1), packet);
  }

  override probe(clientId: string) {
    return { topic: `${REQUEST_TOPIC}/${clientId}` };
  }
}

/**
 * A user property that the broker adds to each message. A client may have set it too: the broker's value is the
 * last one. The probe carries a false value, so that a broker that adds none is found out.
 */
export class PropertyIdentity extends ClientIdentity {
  override readonly filter = `${REQUEST_TOPIC}/#`;
  override readonly requirement: string;

  constructor(private readonly property: string) {
    super();
    this.requirement = `carry the client id in the user property ${property}, which the broker adds`;
  }

  override identify(packet: IPublishPacket): RequestOrigin | undefined {
    const values = packet.properties?.userProperties as UserProperties | undefined;
    return originOf(lastOf(values?.[this.property]), packet);
  }

  override probe() {
    return { topic: REQUEST_TOPIC, userProperties: { [this.property]: 'nobody' } };
  }
}

function originOf(clientId: string | undefined, packet: IPublishPacket): RequestOrigin | undefined {
  if (clientId === undefined || !isClientId(clientId)) return undefined;
  const { qos, retain, properties } = packet;
  const asked: unknown = properties?.responseTopic;
  const isOwn = typeof asked === 'string' && isResponseTopicOf(asked, clientId);
  const correlationData: unknown = properties?.correlationData;
  return {
    clientId,
    qos,
    retained: retain,
    bearerToken: bearerOf(properties?.userProperties as UserProperties | undefined),
    // A property that must not come twice is an array where it did, and names nothing.
    correlationData: Buffer.isBuffer(correlationData) ? correlationData : undefined,
    asksForForeignTopic: asked !== undefined && !isOwn,
    replyTopic: (action) => (isOwn ? asked : responseTopic(action, clientId)),
  };
}

function bearerOf(properties: UserProperties | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(lastOf(properties?.authorization) ?? '')?.[1];
}

function lastOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.at(-1) : value;
}
