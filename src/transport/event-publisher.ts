import { Injectable } from '@nestjs/common';
import { printJson } from '../protocol/json-text.js';
import { type EventKind, type EventSubject, eventTopic } from '../protocol/topics.js';
import { DeviceHiveServer } from './devicehive.server.js';

/** An event before it is published: its topic, and its payload as text. */
export function printEvent(
  kind: EventKind,
  subject: EventSubject,
  name: string | null,
  payload: object,
): { topic: string; payload: string } {
  return { topic: eventTopic(kind, subject, name), payload: printJson(payload) };
}

/** Tells the watchers. Call it after the commit and before the handler returns: the event leaves before the reply. */
@Injectable()
export class EventPublisher {
  constructor(private readonly server: DeviceHiveServer) {}

  /**
   * Publishes on `dh/<kind>/<network>/<type>/<device>/<name>` at QoS 1.
   * @param subject the device's current network and type: they decide who may receive the event
   * @param expiresAt epoch milliseconds after which it is not delivered to a client that was away
   */
  publish(
    kind: EventKind,
    subject: EventSubject,
    name: string | null,
    payload: object,
    expiresAt?: number,
  ): void {
    const event = printEvent(kind, subject, name, payload);
    this.server.publishEvent({ topic: event.topic, payload: event.payload, expiresAt });
  }
}
