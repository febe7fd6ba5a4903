import { randomUUID } from 'node:crypto';
import type { PublishPacket } from 'aedes';
import { linkedRequestTopic } from '../protocol/service-link.js';
import type { AedesClient } from './aedes-client.js';
import { Outbox, type Reply } from './outbox.js';

/** Requests of one connection that are in work before it is read no further. */
const MAX_UNANSWERED = 64;
const MAX_FILTERS = 1_000;
const MAX_FILTER_LENGTH = 1_024;

interface Unacknowledged {
  qos: number;
  messageId: number;
  /** there once the request is answered; it waits behind its acknowledgement */
  reply?: Reply;
}

/**
 * One client's connection: its requests on the way in, their acknowledgements and replies on the way out.
 *
 * A request is taken over at QoS 0 (Aedes would acknowledge QoS 1 before the service has seen it) and
 * acknowledged with its reply, after the commit and in the order of arrival [MQTT-4.6.0-2].
 */
export class Connection {
  /** unguessable; sessions and replies are bound to it, not to the client id */
  readonly id = randomUUID();
  /** granted and not given back */
  readonly filters = new Set<string>();
  readonly outbox: Outbox;
  mayKeepSession = true;
  hadSession = false;
  wasAuthenticated = false;
  private readonly told = new Set<string>();
  private readonly unacknowledged = new Map<number, Unacknowledged>();
  private requests = 0;
  private unanswered = 0;
  private isPaused = false;
  private isEnding = false;

  constructor(
    readonly client: AedesClient,
    readonly address: string,
  ) {
    this.outbox = new Outbox(client, this.filters);
  }

  /** Rewrites a PUBLISH to `dh/request` into the request that the service gets. */
  take(packet: PublishPacket): void {
    const { qos, retain: retained, messageId } = packet;
    const number = ++this.requests;
    packet.topic = linkedRequestTopic({
      connectionId: this.id,
      clientId: this.client.id,
      number,
      qos,
      retained,
    });
    packet.qos = 0;
    packet.retain = false;
    delete packet.messageId;
    if (qos > 0) this.unacknowledged.set(number, { qos, messageId: messageId! });
    if (++this.unanswered > MAX_UNANSWERED) this.pause();
  }

  /** A message id that is not acknowledged yet names a request that is in work already. */
  isRepeat({ qos, messageId }: PublishPacket): boolean {
    if (qos === 0) return false;
    for (const request of this.unacknowledged.values()) if (request.messageId === messageId) return true;
    return false;
  }

  /** The service's reply to request `number`: acknowledges it and passes the reply on. */
  answer(number: number, topic: string, payload: string | Buffer): void {
    if (this.client.closed) return;
    const request = this.unacknowledged.get(number);
    const reply = { topic, payload, qos: request ? 1 : 0 };
    if (!request) return this.release(reply);
    request.reply = reply;
    this.outbox.together(() => this.releaseInOrder());
  }

  /** Whether one more filter may be granted: each is looked at for each reply and event. */
  addFilter(filter: string): boolean {
    if (filter.length > MAX_FILTER_LENGTH) return false;
    if (this.filters.size >= MAX_FILTERS && !this.filters.has(filter)) return false;
    this.filters.add(filter);
    return true;
  }

  /** @returns `true` the first time, so that a client that repeats a mistake fills no log */
  tellOnce(what: string): boolean {
    if (this.told.has(what)) return false;
    this.told.add(what);
    return true;
  }

  /** Every now and then. While paused nothing is read, pings neither, so it must not be taken for a dead one. */
  keepAlive(): void {
    if (this.isPaused) this.client._keepaliveTimer?.refresh();
    this.outbox.canWrite();
  }

  /** Ends it where a request in work has lost its way to the service: its client asks again on the next one. */
  endIfUnanswered(): void {
    if (this.unanswered > 0) this.client.conn.destroy();
  }

  /** Reads nothing more, but still answers what was read. */
  stopReading(): void {
    this.isEnding = true;
    this.pause();
  }

  private pause(): void {
    this.isPaused = true;
    this.client.pause();
  }

  private releaseInOrder(): void {
    for (const [number, { qos, messageId, reply }] of this.unacknowledged) {
      if (!reply) break;
      this.unacknowledged.delete(number);
      this.outbox.acknowledge(qos, messageId);
      this.release(reply);
    }
  }

  private release(reply: Reply): void {
    this.outbox.deliver(reply);
    if (--this.unanswered > MAX_UNANSWERED || !this.isPaused || this.isEnding) return;
    this.isPaused = false;
    this.client._parsingBatch = 1;
    this.client.resume();
  }
}
