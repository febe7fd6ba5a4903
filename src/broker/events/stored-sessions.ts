import { Injectable, Logger } from '@nestjs/common';
import { Sessions } from '../../auth/sessions.js';
import { UserRightsCache } from '../../directory/user-rights.js';
import { shown } from '../../protocol/shown.js';
import { EventIndex, FilterSet, NOBODY } from '../../subscriptions/event-index.js';
import { BrokerOptions } from '../broker.options.js';
import type { Connection } from '../connection.js';
import { Connections } from '../connections.js';
import { TopicAccess, type Watcher } from '../topic-access.js';
import { Backlog } from './backlog.js';
import { readSessions, SessionFiles } from './session-files.js';
import { SessionStorage } from './session-storage.js';
import { type SharedBySessions, StoredSession } from './stored-session.js';

/** Of clients that are away, all users together; beyond it one of the user who has most of these is forgotten. */
const MAX_SESSIONS = 10_000;

/** The sessions of authenticated clients with `clean=false`, which outlive their connections and the service. */
@Injectable()
export class StoredSessions {
  private readonly logger = new Logger('Broker');
  private readonly storage: SessionStorage;
  private readonly shared: SharedBySessions;
  /** the one used last comes last */
  private readonly byClientId = new Map<string, StoredSession>();
  private lastNumber = 0;
  /** Told whose client has come to it, and, without the session, whose session is over. */
  onChanged: (clientId: string, session?: StoredSession) => void = () => {};

  constructor(
    { dataDir }: BrokerOptions,
    private readonly index: EventIndex,
    private readonly access: TopicAccess,
    private readonly rights: UserRightsCache,
    sessions: Sessions,
    connections: Connections,
  ) {
    this.storage = new SessionStorage(dataDir);
    this.shared = { access, rights, backlog: new Backlog() };
    sessions.onAuthenticated = (connectionId) => {
      const connection = connections.get(connectionId);
      connection?.authenticated();
      if (connection?.isOpen) this.claim(connection);
    };
  }

  async open(): Promise<void> {
    const { sessions, unreadable, orphaned } = readSessions(await this.storage.open());
    for (const key of [...unreadable, ...orphaned]) this.storage.delete(key);
    if (unreadable.length > 0) {
      const [first] = unreadable;
      this.logger.warn(
        `${unreadable.length} entries of stored sessions are malformed and deleted, ${shown(first!)} first`,
      );
    }
    for (const [number, { clientId, owner, filters, events }] of sessions) {
      const session = this.create(clientId, owner, this.filterSet(clientId), number);
      for (const [filter, qos] of filters) session.filters.add(filter, qos);
      for (const event of events) session.restore(event);
      this.lastNumber = Math.max(this.lastNumber, number);
    }
  }

  close(): Promise<void> {
    return this.storage.close();
  }

  /** Whether all events until now are on disk, for those who were away. */
  get isFlushed(): boolean {
    return this.storage.isFlushed;
  }

  flushed(): Promise<void> {
    return this.storage.flushed();
  }

  of(clientId: string): StoredSession | undefined {
    return this.byClientId.get(clientId);
  }

  *[Symbol.iterator](): Iterator<StoredSession> {
    yield* this.byClientId.values();
  }

  /**
   * For a connection that has its CONNACK and whose client has authenticated: with `clean=false` it gets the session
   * of its client id or a new one, with `clean=true` the session of before is over [MQTT-3.1.2-6].
   */
  claim(connection: Connection): void {
    const principal = this.access.principalOf(connection);
    if (!principal || connection.client.closed) return;
    const { id: clientId, clean } = connection.client;
    if (clean) return this.forget(clientId);
    const session = this.of(clientId) ?? this.create(clientId, principal, connection.filters);
    const missed = session.takeMissed();
    if (missed > 0) {
      this.logger.warn(`client ${shown(clientId)} has missed ${missed} events: too many for its session`);
    }
    session.attach(connection, principal);
    this.byClientId.delete(clientId);
    this.byClientId.set(clientId, session);
    this.onChanged(clientId, session);
  }

  forget(clientId: string): void {
    const session = this.of(clientId);
    if (!session) return;
    this.byClientId.delete(clientId);
    this.rights.unwatch(session.owner.userId);
    session.end();
    this.onChanged(clientId);
  }

  private create(clientId: string, owner: Watcher, filters: FilterSet, restored?: number): StoredSession {
    if (this.byClientId.size >= MAX_SESSIONS) this.forgetOne();
    const files = new SessionFiles(this.storage, restored ?? ++this.lastNumber, restored !== undefined);
    const session = new StoredSession(clientId, owner, filters, files, this.shared);
    this.rights.watch(owner.userId);
    this.byClientId.set(clientId, session);
    return session;
  }

  /** The one that was used longest ago; sessions whose client is here do not count, its connection holds them. */
  private forgetOne(): void {
    const away = [...this].filter(({ connectionId }) => connectionId === undefined);
    if (away.length < MAX_SESSIONS) return;
    const ofUsers = new Map<number, number>();
    for (const { owner } of away) ofUsers.set(owner.userId, (ofUsers.get(owner.userId) ?? 0) + 1);
    const most = Math.max(...ofUsers.values());
    const oldest = away.find(({ owner }) => ofUsers.get(owner.userId) === most)!;
    this.forget(oldest.clientId);
  }

  /** Its receiver is the session that is made with it. */
  private filterSet(clientId: string): FilterSet {
    return new FilterSet(this.index, NOBODY, `@${clientId}`);
  }
}
