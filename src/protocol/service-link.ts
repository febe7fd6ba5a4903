import { REQUEST_TOPIC } from './topics.js';

/**
 * The words between the built-in broker and the service, which is a client of it like on any broker.
 * MQTT 3.1.1 has no properties, so the topic says who asks and how. No client can publish or read
 * these topics.
 */
export interface LinkedRequest {
  /** unguessable, one for each connection: a take-over of the client id inherits nothing */
  connectionId: string;
  clientId: string;
  /** counts the connection's requests; names the one that a reply answers */
  number: number;
  /** as the client published it; on the link itself everything is QoS 0 */
  qos: number;
  /** the client asked to retain the request, which is refused */
  retained: boolean;
}

/** What the service subscribes to on the built-in broker. */
export const LINKED_REQUEST_FILTER = `${REQUEST_TOPIC}/+/+/+`;

const REPLY_PREFIX = 'dh/reply/';
const EVENT_PREFIX = 'dh/event/';

/** `dh/request/<connectionId>/<clientId>/<number>-<qos>[-retained]` */
export function linkedRequestTopic(request: LinkedRequest): string {
  const { connectionId, clientId, number, qos, retained } = request;
  return `${REQUEST_TOPIC}/${connectionId}/${clientId}/${number}-${qos}${retained ? '-retained' : ''}`;
}

export function parseLinkedRequest(topic: string): LinkedRequest | undefined {
  const match = /^dh\/request\/([^/]+)\/([^/]+)\/(\d+)-([012])(-retained)?$/.exec(topic);
  if (!match) return undefined;
  const [, connectionId, clientId, number, qos, retained] = match;
  return {
    connectionId: connectionId!,
    clientId: clientId!,
    number: Number(number),
    qos: Number(qos),
    retained: retained !== undefined,
  };
}

/** `dh/reply/<connectionId>/<number>/<response topic>`: addressed to the connection that asked, not to a client id. */
export function linkedReplyTopic(request: LinkedRequest, responseTopic: string): string {
  return `${REPLY_PREFIX}${request.connectionId}/${request.number}/${responseTopic}`;
}

export function parseLinkedReply(
  topic: string,
): { connectionId: string; number: number; responseTopic: string } | undefined {
  const match = /^dh\/reply\/([^/]+)\/(\d+)\/(dh\/response\/.*)$/s.exec(topic);
  if (!match) return undefined;
  return { connectionId: match[1]!, number: Number(match[2]), responseTopic: match[3]! };
}

/**
 * `dh/event/<expiresAt or nothing>/<event topic>`: the broker need not read the payload to know when it is of no use.
 * The number may be any that JavaScript prints: before 1970 it has a sign.
 */
export function linkedEventTopic(topic: string, expiresAt?: number): string {
  return `${EVENT_PREFIX}${expiresAt ?? ''}/${topic}`;
}

export function parseLinkedEvent(topic: string): { topic: string; expiresAt?: number } | undefined {
  const match = /^dh\/event\/([^/]*)\/(.*)$/s.exec(topic);
  if (!match) return undefined;
  const expiresAt = Number.parseFloat(match[1]!);
  return { topic: match[2]!, expiresAt: Number.isFinite(expiresAt) ? expiresAt : undefined };
}
