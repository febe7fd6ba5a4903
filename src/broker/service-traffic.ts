import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { PublishPacket } from 'aedes';
import { UserRightsCache } from '../directory/user-rights.js';
import { parseLinkedEvent, parseLinkedReply } from '../protocol/service-link.js';
import { REQUEST_TOPIC } from '../protocol/topics.js';
import type { DeviceEvent } from '../protocol/device-event.js';
import type { Connection } from './connection.js';
import { Connections } from './connections.js';
import { EventDelivery } from './events/event-delivery.js';
import { StoredSessions } from './events/stored-sessions.js';
import { drop } from './topic-access.js';

/** An event waits for the database as long as it takes, the replies behind it only so long. */
const MAX_REPLY_WAIT_MS = 1_000;

/**
 * What the service publishes: events, which go to those who watch, and replies, which go to the connection that asked.
 * Neither passes through Aedes: it would drop an event that a reply overtakes as a repeat, and give a reply to whoever
 * holds the client id by now.
 *
 * A reply waits until the events before it are written, and kept for those who are away, so that a requester that also
 * watches sees event, PUBACK and reply in this order.
 */
@Injectable()
export class ServiceTraffic {
  private readonly waiting: DeviceEvent[] = [];
  private lastEvent: Promise<void> = Promise.resolve();
  private draining?: Promise<void>;

  constructor(
    private readonly connections: Connections,
    private readonly events: EventDelivery,
    private readonly sessions: StoredSessions,
    private readonly rights: UserRightsCache,
  ) {}

  /** Takes a packet out of Aedes's hands, and leaves it those that are for the service itself. */
  fromService(link: Connection, packet: PublishPacket): void {
    if (packet.topic === REQUEST_TOPIC) return link.take(packet);
    const payload = packet.payload.toString();
    const reply = parseLinkedReply(packet.topic);
    const event = parseLinkedEvent(packet.topic);
    if (reply) this.reply(reply, payload);
    else if (event) this.tell({ ...event, payload });
    drop(packet);
  }

  private reply(
    { connectionId, number, responseTopic }: { connectionId: string; number: number; responseTopic: string },
    payload: string,
  ): void {
    void this.lastEvent.then(() =>
      this.connections.get(connectionId)?.answer(number, responseTopic, payload),
    );
  }

  /** Events keep their order, also while the rights of their receivers are read. */
  private tell(event: DeviceEvent): void {
    if (!this.draining && this.rights.isFresh()) {
      this.events.deliver(event);
      if (!this.sessions.isFlushed) this.lastEvent = soon(this.sessions.flushed());
      return;
    }
    this.waiting.push(event);
    this.draining ??= this.drain();
    this.lastEvent = soon(this.draining.then(() => this.sessions.flushed()));
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      await this.rights.refresh();
      while (this.waiting.length > 0 && this.rights.isFresh()) this.events.deliver(this.waiting.shift()!);
    }
    this.draining = undefined;
  }
}

function soon(done: Promise<void>): Promise<void> {
  return Promise.race([done, delay(MAX_REPLY_WAIT_MS, undefined, { ref: false })]);
}
