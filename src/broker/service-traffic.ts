import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { PublishPacket } from 'aedes';
import { parseLinkedReply } from '../protocol/service-link.js';
import { REQUEST_TOPIC } from '../protocol/topics.js';
import type { Connection } from './connection.js';
import { Connections } from './connections.js';
import { drop, TopicAccess } from './topic-access.js';

/** An event waits for the database as long as it takes, the replies behind it only so long. */
const MAX_REPLY_WAIT_MS = 1_000;

/**
 * What the service publishes: events, which Aedes routes, and replies, which go to the connection that asked.
 *
 * A reply waits until the events before it are written, so that a requester that also watches sees event,
 * PUBACK and reply in this order. It does not pass through Aedes: overtaking an event there, it would make
 * Aedes drop the event as a repeat, and it would go to whoever holds the client id by now.
 */
@Injectable()
export class ServiceTraffic {
  private readonly inRouting = new Map<object, () => void>();
  private lastEvent: Promise<void> = Promise.resolve();
  private refreshing?: Promise<void>;

  constructor(
    private readonly connections: Connections,
    private readonly access: TopicAccess,
  ) {}

  /** @param route lets Aedes route the packet as it is then */
  fromService(link: Connection, packet: PublishPacket, route: () => void): void {
    const reply = parseLinkedReply(packet.topic);
    if (reply) {
      const { payload } = packet;
      const { connectionId, number, responseTopic } = reply;
      void this.lastEvent.then(() =>
        this.connections.get(connectionId)?.answer(number, responseTopic, payload),
      );
      drop(packet);
      route();
    } else if (packet.topic === REQUEST_TOPIC) {
      link.take(packet);
      route();
    } else {
      this.route(packet, route);
    }
  }

  /** Events keep their order, also while the rights of their receivers are read. */
  private route(packet: PublishPacket, route: () => void): void {
    const published = new Promise<void>((resolve) => this.inRouting.set(packet, resolve));
    if (!this.refreshing && this.access.hasFreshRights()) {
      this.lastEvent = published;
      return route();
    }
    this.refreshing ??= this.access.refreshRights().finally(() => (this.refreshing = undefined));
    void this.refreshing.then(route);
    this.lastEvent = Promise.race([published, delay(MAX_REPLY_WAIT_MS, undefined, { ref: false })]);
  }

  /** The link is gone, and what it had in routing with it: nothing waits for that any more. */
  reset(): void {
    for (const packet of this.inRouting.keys()) this.published(packet);
  }

  /** Aedes has written the packet to everybody who gets it. */
  published(packet: object): void {
    this.inRouting.get(packet)?.();
    this.inRouting.delete(packet);
  }
}
