import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import type { PublishPacket } from 'aedes';
import { UserRightsCache } from '../directory/user-rights.js';
import { Pace } from '../protocol/pace.js';
import { linkedRequestTopic, parseLinkedEvent, parseLinkedReply } from '../protocol/service-link.js';
import { shown } from '../protocol/shown.js';
import { REQUEST_TOPIC } from '../protocol/topics.js';
import type { DeviceEvent } from '../protocol/device-event.js';
import { BrokerOptions } from './broker.options.js';
import type { Connection } from './connection.js';
import { Connections } from './connections.js';
import { EventDelivery } from './events/event-delivery.js';
import { StoredSessions } from './events/stored-sessions.js';
import { drop } from './topic-access.js';

/** An event waits for the database as long as it takes, the replies behind it only so long. */
const MAX_REPLY_WAIT_MS = 1_000;
/** Of events in a row, in one turn of the event loop. */
const TURN_MS = 10;

/** Gets a request as `linkedRequestTopic` names it, and its payload. */
export type RequestListener = (topic: string, payload: Buffer) => void;

/**
 * What goes between the broker and the service: requests one way; events, which go to those who watch, and replies,
 * which go to the connection that asked, the other. None of it passes through Aedes: it would drop an event that a reply
 * overtakes as a repeat, and give a reply to whoever holds the client id by now.
 *
 * A reply waits until the events before it are written, and kept for those who are away, so that a requester that also
 * watches sees event, PUBACK and reply in this order.
 */
@Injectable()
export class ServiceTraffic {
  private readonly logger = new Logger('Broker');
  private receive?: RequestListener;
  /** How many events wait for the rights of their receivers. */
  private waiting = 0;
  /** those of them that the next read is for */
  private batch?: DeviceEvent[];
  private lastBatch: Promise<void> = Promise.resolve();
  private lastEvent: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: BrokerOptions,
    private readonly connections: Connections,
    private readonly events: EventDelivery,
    private readonly sessions: StoredSessions,
    private readonly rights: UserRightsCache,
  ) {}

  /** @param receive gets the requests; none while the service takes no more */
  connect(receive: RequestListener | undefined): void {
    this.receive = receive;
  }

  /** Hands a client's request to the service. Aedes goes on with a packet for nobody, and acknowledges nothing. */
  request(connection: Connection, packet: PublishPacket): void {
    const { payload } = packet;
    const topic = connection.take(packet);
    drop(packet);
    this.receive?.(topic, payload as Buffer);
  }

  /** What the service publishes. A request of its own comes back to it, by which it knows that it is connected. */
  publish(topic: string, payload: string): void {
    const reply = parseLinkedReply(topic);
    const event = parseLinkedEvent(topic);
    if (reply) this.reply(reply, payload);
    else if (event) this.tell({ payload, ...event });
    else if (topic === REQUEST_TOPIC) this.receive?.(this.ownRequest(), Buffer.from(payload));
  }

  private ownRequest(): string {
    const { serviceClientId: clientId } = this.options;
    return linkedRequestTopic({ connectionId: randomUUID(), clientId, number: 1, qos: 0, retained: false });
  }

  private reply(
    { connectionId, number, responseTopic }: { connectionId: string; number: number; responseTopic: string },
    payload: string,
  ): void {
    this.lastEvent
      .then(() => this.connections.get(connectionId)?.answer(number, responseTopic, payload))
      .catch((error) => this.logger.error(`A reply on ${shown(responseTopic)} is lost`, error));
  }

  /** Events keep their order, also while the rights of their receivers are read. */
  private tell(event: DeviceEvent): void {
    if (this.waiting === 0 && this.rights.isFresh()) {
      this.deliver(event);
      if (!this.sessions.isFlushed) this.lastEvent = soon(this.sessions.flushed());
      return;
    }
    this.waiting++;
    if (this.batch) this.batch.push(event);
    else this.lastBatch = this.deliverBatch((this.batch = [event]), this.lastBatch);
    this.lastEvent = soon(this.lastBatch.then(() => this.sessions.flushed()));
  }

  /** An event that comes during the read is for the next one: it may be for somebody who came meanwhile. */
  private async deliverBatch(events: DeviceEvent[], before: Promise<void>): Promise<void> {
    await before;
    this.batch = undefined;
    await this.rights.refresh();
    const pace = new Pace(TURN_MS);
    for (const event of events) {
      this.deliver(event);
      const pause = pace.pause();
      if (pause) await pause;
    }
    this.waiting -= events.length;
  }

  /** What fails for one event does not stop the next, or the reply to a request that is committed. */
  private deliver(event: DeviceEvent): void {
    try {
      this.events.deliver(event);
    } catch (error) {
      this.logger.error(`The event on ${shown(event.topic)} is lost`, error);
    }
  }
}

/** Resolves after `MAX_REPLY_WAIT_MS` at the latest. */
function soon(done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, MAX_REPLY_WAIT_MS).unref();
  });
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}
