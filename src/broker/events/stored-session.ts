import { Logger } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import type { UserRightsCache } from '../../directory/user-rights.js';
import type { DeviceEvent } from '../../protocol/device-event.js';
import { shown } from '../../protocol/shown.js';
import type { EventReceiver, FilterSet } from '../../subscriptions/event-index.js';
import type { Connection } from '../connection.js';
import type { TopicAccess, Watcher } from '../topic-access.js';
import type { Backlog } from './backlog.js';
import { MAX_TOTAL_BYTES, messageIdOf, type QueuedEvent, SessionQueue } from './session-queue.js';
import type { SessionFiles } from './session-files.js';

const logger = new Logger('Broker');

export interface SharedBySessions {
  access: TopicAccess;
  rights: UserRightsCache;
  backlog: Backlog<StoredSession>;
}

/**
 * What the broker keeps for an authenticated client with `clean=false`: its filters, and the QoS 1 events that it has
 * not acknowledged. It belongs to a user: whoever connects under the client id gets nothing of it before the same user
 * has authenticated, and another user's authentication empties it.
 */
export class StoredSession implements EventReceiver {
  private readonly queue: SessionQueue;
  private connection?: Connection;
  private dropped = 0;
  private isRefreshing = false;

  /**
   * @param filters its own; a client that comes back brings those of its connection
   * @param owner who it belongs to, as last seen: decides what is kept for an absent client
   */
  constructor(
    readonly clientId: string,
    public owner: Watcher,
    public filters: FilterSet,
    private readonly files: SessionFiles,
    private readonly shared: SharedBySessions,
  ) {
    filters.receiver = this;
    this.queue = new SessionQueue((bytes) => shared.backlog.count(this.owner.userId, this, bytes));
  }

  get connectionId(): string | undefined {
    return this.connection?.id;
  }

  /** How many events were dropped since it was asked last, because there were too many. */
  takeMissed(): number {
    const missed = this.dropped;
    this.dropped = 0;
    return missed;
  }

  /** What is kept for it. */
  get bytes(): number {
    return this.queue.bytes;
  }

  /** Drops the oldest events that wait. @param bytes what is to be left, as much as one session may have unless told */
  trim(bytes?: number): void {
    for (const event of this.queue.trim(bytes)) {
      this.dropped++;
      this.files.remove(event);
    }
  }

  /** One user's sessions never cost another user's their events: who has most gives way, one event at a time. */
  private makeRoom(): void {
    const { backlog } = this.shared;
    while (backlog.bytes > MAX_TOTAL_BYTES) {
      const session = backlog.heaviest!;
      session.trim(session.bytes - 1);
    }
  }

  /** An event of before the service was started: it may have been sent [MQTT-3.3.1-1]. */
  restore(event: QueuedEvent): void {
    this.queue.restore({ ...event, wasSent: true });
  }

  /** The client is here, and has authenticated as `principal`. */
  attach(connection: Connection, principal: Principal): void {
    if (principal.userId !== this.owner.userId) {
      this.clear();
      connection.giveBackRestored();
    }
    if (this.connection !== connection) {
      this.queue.interrupt();
      if (this.filters !== connection.filters) this.filters.clear();
      this.filters = connection.filters;
      this.filters.receiver = this;
      this.connection = connection;
      connection.session = this;
    }
    this.changeOwner(principal);
    this.save();
    this.sendNext();
  }

  /** With the rights that are watched for it. If it is the same user, those that are known stay known. */
  private changeOwner(owner: Watcher): void {
    const { rights } = this.shared;
    rights.watch(owner.userId);
    rights.unwatch(this.owner.userId);
    this.owner = owner;
  }

  /** The connection is gone, if it is still this session's. */
  detach(connection: Connection): void {
    if (this.connection !== connection) return;
    this.connection = undefined;
    this.queue.interrupt();
  }

  /** Its client wants no session any more. */
  end(): void {
    this.clear();
    this.filters.clear();
    this.files.forget();
  }

  /** After each change of its filters. */
  save(): void {
    this.files.save(this);
  }

  receive(event: DeviceEvent, qos: number, suffix: string): boolean {
    if (!this.shared.access.mayWatch(this.owner, event.topic)) return false;
    if (qos === 0) return this.sendNow(event, suffix);
    const { topic, payload, expiresAt } = event;
    const isOver = expiresAt !== undefined && expiresAt <= Date.now();
    if (isOver && !this.connection) return false;
    const queued = this.queue.add({ topic, payload, suffix, expiresAt: isOver ? undefined : expiresAt });
    this.files.add(queued);
    this.sendNext(true);
    this.trim();
    this.makeRoom();
    return true;
  }

  acknowledge(messageId: number): void {
    const event = this.queue.acknowledge(messageId);
    if (event) this.files.remove(event);
    this.sendNext();
  }

  /** As much as the client takes; the rest when it has acknowledged some, or has authenticated again. */
  sendNext(isFresh?: boolean): void {
    while (this.connection?.outbox.hasRoom) {
      const event = this.queue.next();
      const principal = event && this.shared.access.principalOf(this.connection);
      if (!principal) return;
      isFresh ??= this.shared.rights.isFresh(principal.userId);
      if (!isFresh) return this.sendWhenFresh();
      if (!this.isDue(event, principal)) {
        this.queue.remove(event);
        this.files.remove(event);
        continue;
      }
      const { topic, payload, suffix, wasSent: dup } = event;
      this.queue.send(event);
      const messageId = messageIdOf(event);
      this.connection.outbox.publish({ topic: topic + suffix, payload, qos: 1, messageId, dup });
    }
  }

  /** What is not acknowledged has waited: rights and filters may be others by now, and a command may have expired. */
  private isDue({ topic, expiresAt }: QueuedEvent, principal: Principal): boolean {
    if (expiresAt !== undefined && expiresAt <= Date.now()) return false;
    return this.shared.access.mayWatch(principal, topic) && this.filters.covers(topic);
  }

  private sendNow({ topic, payload }: DeviceEvent, suffix: string): boolean {
    const { connection } = this;
    if (!connection || !this.shared.access.principalOf(connection)) return false;
    connection.outbox.publish({ topic: topic + suffix, payload, qos: 0 });
    return true;
  }

  private sendWhenFresh(): void {
    if (this.isRefreshing) return;
    this.isRefreshing = true;
    this.shared.rights
      .refresh()
      .finally(() => (this.isRefreshing = false))
      .then(() => this.sendNext(true))
      .catch((error) => logger.error(`The events of client ${shown(this.clientId)} cannot be sent`, error));
  }

  private clear(): void {
    this.queue.interrupt();
    for (const event of this.queue.events) {
      this.queue.remove(event);
      this.files.remove(event);
    }
    this.dropped = 0;
  }
}
