import { randomUUID } from 'node:crypto';
import type { PublishPacket } from 'aedes';
import { linkedRequestTopic } from '../protocol/service-link.js';
import type { FilterSet } from '../subscriptions/event-index.js';
import type { EventSubscriptions } from '../subscriptions/event-subscriptions.js';
import { FilterBudget, UNAUTHENTICATED_LIMITS } from '../subscriptions/filter-budget.js';
import type { AedesClient } from './aedes-client.js';
import { FIRST_EVENT_ID } from './events/session-queue.js';
import type { StoredSession } from './events/stored-session.js';
import { Outbox, type Reply } from './outbox.js';
import type { PacketReader } from './packet-reader.js';
import type { Reading } from './reading.js';

/** Requests of one connection that are in work before it is read no further. */
const MAX_UNANSWERED = 64;
const MAX_FILTER_LENGTH = 1_024;
const MAX_UNAUTHENTICATED_FILTER_LENGTH = 256;

interface Unacknowledged {
  /** of the request */
  number: number;
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
  readonly outbox: Outbox;
  /** what outlives it; only with `clean=false`, and once its client has authenticated */
  session?: StoredSession;
  /** it has its CONNACK, before which nothing else may be sent */
  isOpen = false;
  mayKeepSession = true;
  /** of its filters, those that are there only because the stored session of its client id has them */
  private readonly restored = new Set<string>();
  /**
   * Each filter counts in one budget. This one counts those that the client subscribes to before its first
   * authentication; the budget of `filters` counts those of its stored session, until it subscribes to them again, and
   * whatever it subscribes to later. With its authentication all filters move to the latter. A filter that does not fit
   * there stays in this budget, also when the session is restored. So a session of 1,000 filters leaves room for the
   * reply of `authenticate`, and no session grows with each connection.
   */
  private readonly unauthenticatedBudget = new FilterBudget(UNAUTHENTICATED_LIMITS);
  private hasAuthenticated = false;
  /** in the order of arrival, not more than are read ahead */
  private readonly unacknowledged: Unacknowledged[] = [];
  private requests = 0;
  private unanswered = 0;
  private isPaused = false;
  private isEnding = false;

  /** @param filters those that were granted and not given back */
  constructor(
    readonly client: AedesClient,
    readonly reader: PacketReader,
    readonly address: string,
    readonly filters: FilterSet,
    private readonly subscriptions: EventSubscriptions,
    private readonly reading: Reading,
  ) {
    this.outbox = new Outbox(client, filters);
    keepMessageIdsBelow(FIRST_EVENT_ID, client);
  }

  /**
   * Takes a PUBLISH to `dh/request` over.
   * @returns the topic under which the service gets it
   */
  take(packet: PublishPacket): string {
    const { qos, retain: retained, messageId } = packet;
    const number = ++this.requests;
    packet.qos = 0;
    delete packet.messageId;
    if (qos > 0) this.unacknowledged.push({ number, qos, messageId: messageId! });
    if (++this.unanswered > MAX_UNANSWERED || !this.reading.isOpenTo(this)) this.pause();
    return linkedRequestTopic({ connectionId: this.id, clientId: this.client.id, number, qos, retained });
  }

  /** A message id that is not acknowledged yet names a request that is in work already. */
  isRepeat({ qos, messageId }: PublishPacket): boolean {
    return qos > 0 && this.unacknowledged.some((request) => request.messageId === messageId);
  }

  /** The service's reply to request `number`: acknowledges it and passes the reply on. */
  answer(number: number, topic: string, payload: string | Buffer): void {
    if (this.client.closed) return;
    const request = this.unacknowledged.find((one) => one.number === number);
    const reply = { topic, payload, qos: request ? 1 : 0 };
    if (!request) return this.release(number, reply);
    request.reply = reply;
    this.outbox.together(() => this.releaseInOrder());
  }

  /** Called each time its client has authenticated. */
  authenticated(): void {
    if (this.hasAuthenticated) return;
    this.hasAuthenticated = true;
    this.filters.countAll();
  }

  /**
   * Whether a filter may be granted: each is looked at for each reply and event.
   * @param isRestored whether it comes out of the stored session of the client id
   */
  addFilter(filter: string, qos: number, isRestored: boolean): boolean {
    const isUnauthenticated = !isRestored && !this.hasAuthenticated;
    const maxLength = isUnauthenticated ? MAX_UNAUTHENTICATED_FILTER_LENGTH : MAX_FILTER_LENGTH;
    if (filter.length > maxLength) return false;
    const isGranted = isUnauthenticated
      ? this.filters.add(filter, qos, this.unauthenticatedBudget)
      : this.filters.add(filter, qos) ||
        (isRestored && this.filters.add(filter, qos, this.unauthenticatedBudget));
    if (!isGranted) return false;
    if (isRestored) this.restored.add(filter);
    else this.restored.delete(filter);
    this.session?.save();
    return true;
  }

  /** The filters of a stored session turn out to be somebody else's. */
  giveBackRestored(): void {
    // Texts, whatever the types of Aedes say.
    if (this.restored.size > 0) this.client.unsubscribe([...this.restored] as never, () => {});
    for (const filter of this.restored) this.filters.delete(filter);
    this.restored.clear();
  }

  removeFilter(filter: string): void {
    this.filters.delete(filter);
    this.restored.delete(filter);
    this.session?.save();
  }

  /** Every now and then. While paused nothing is read, pings neither, so it must not be taken for a dead one. */
  keepAlive(): void {
    if (this.isPaused) this.client._keepaliveTimer?.refresh();
    this.outbox.canWrite();
    this.session?.sendNext();
  }

  /** Reads nothing more, but still answers what was read. */
  stopReading(): void {
    this.isEnding = true;
    this.pause();
  }

  private pause(): void {
    this.isPaused = true;
    this.reader.pause();
  }

  private releaseInOrder(): void {
    for (let [first] = this.unacknowledged; first?.reply; [first] = this.unacknowledged) {
      this.unacknowledged.shift();
      this.outbox.acknowledge(first.qos, first.messageId);
      this.release(first.number, first.reply);
    }
  }

  private release(number: number, reply: Reply): void {
    this.outbox.deliver(reply);
    this.subscriptions.replied(this.id, number);
    this.unanswered--;
    this.readOn();
  }

  /** Unless there is a reason to wait. */
  readOn(): void {
    if (!this.isPaused || this.isEnding || this.unanswered > MAX_UNANSWERED) return;
    if (!this.reading.isOpenTo(this)) return;
    this.isPaused = false;
    this.reader.resume();
  }
}

/** Aedes takes the next message id from there for what it sends itself. */
function keepMessageIdsBelow(limit: number, client: AedesClient): void {
  let next = 1;
  Object.defineProperty(client, '_nextId', {
    get: () => next,
    set: (id: number) => {
      next = id < limit ? id : 1;
    },
  });
}
