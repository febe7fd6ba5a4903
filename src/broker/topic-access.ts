import { Injectable } from '@nestjs/common';
import type { PublishPacket } from 'aedes';
import type { Principal } from '../auth/principal.js';
import { Sessions } from '../auth/sessions.js';
import { maySee } from '../directory/access-scope.js';
import { UserRightsCache } from '../directory/user-rights.js';
import type { Permission } from '../protocol/permissions.js';
import {
  isDeviceHiveTopic,
  matchesFilter,
  parseEventTopic,
  REQUEST_TOPIC,
  responseOwner,
} from '../protocol/topics.js';
import { BrokerOptions } from './broker.options.js';
import type { Connection } from './connection.js';

/** Where a publish goes that is not allowed; nobody can subscribe to it. */
export const DROPPED_TOPIC = '$SYS/dropped';

/** Aedes goes on with the packet, also acknowledges it, and delivers it to nobody. */
export function drop(packet: PublishPacket): void {
  packet.topic = DROPPED_TOPIC;
  packet.payload = '';
  packet.retain = false;
}

const EVENT_FILTER = /^dh\/(command|command_update|notification)(\/|$)/;

const PERMISSION_TO_READ: Record<string, Permission> = {
  command: 'GetDeviceCommand',
  command_update: 'GetDeviceCommand',
  notification: 'GetDeviceNotification',
};

/**
 * Who may publish, subscribe and receive on the built-in broker. The service's own connection is not asked.
 * A filter may be granted that is wider than its holder's rights: what counts is what is delivered.
 */
@Injectable()
export class TopicAccess {
  private knownAuthentications = -1;
  private reading?: Promise<void>;

  constructor(
    private readonly options: BrokerOptions,
    private readonly sessions: Sessions,
    private readonly rights: UserRightsCache,
  ) {}

  isRequest(topic: string): boolean {
    return topic === REQUEST_TOPIC || topic.startsWith(`${REQUEST_TOPIC}/`);
  }

  /** For anything but a request: below `dh/` and `$` only the service publishes. */
  mayPublish(connection: Connection, topic: string): boolean {
    return !isDeviceHiveTopic(topic) && !topic.startsWith('$') && this.mayUseOrdinary(connection);
  }

  /** @param restored whether the filter is of a stored session, whose client cannot have authenticated yet */
  maySubscribe(connection: Connection, filter: string, restored: boolean): boolean {
    if (filter.startsWith('$')) return false;
    if (!isDeviceHiveTopic(filter)) return this.mayUseOrdinary(connection);
    if (filter === 'dh/response' || filter.startsWith('dh/response/')) {
      const owner = responseOwner(filter);
      return owner === undefined ? filter.endsWith('#') : owner === connection.client.id;
    }
    if (this.isRequest(filter)) return false;
    const isEvent = EVENT_FILTER.test(filter);
    if (isEvent && filter.includes('@') && !filter.endsWith(`@${connection.client.id}`)) return false;
    return restored || this.principalOf(connection) !== undefined;
  }

  /**
   * Whether a packet may reach a client now. Below `dh/` that is events only (replies take their own way), of
   * what the client's credential and its user's current rights show, and not through filters like `#`.
   */
  mayReceive(connection: Connection, topic: string): boolean {
    if (topic.startsWith('$')) return false;
    if (!isDeviceHiveTopic(topic)) return this.mayUseOrdinary(connection);
    const event = parseEventTopic(topic);
    const principal = event && this.principalOf(connection);
    if (!principal || !principal.permissions.has(PERMISSION_TO_READ[event.kind]!)) return false;
    const rights = this.rights.of(principal.userId);
    return maySee(principal, rights, event.networkId, event.deviceTypeId) && this.asksFor(connection, topic);
  }

  /** Whether the rights of everybody connected are known and at most a second old. */
  hasFreshRights(): boolean {
    return this.knownAuthentications === this.sessions.authentications && this.rights.isFresh();
  }

  /**
   * Resolves when they are. While the database is away it waits: rather a late event than one to somebody who
   * lost the right to it.
   */
  async refreshRights(): Promise<void> {
    while (!this.hasFreshRights()) {
      this.reading ??= this.readRights().finally(() => (this.reading = undefined));
      await this.reading;
    }
  }

  private async readRights(): Promise<void> {
    const { authentications } = this.sessions;
    if (await this.rights.read(this.sessions.userIds())) this.knownAuthentications = authentications;
  }

  private asksFor(connection: Connection, topic: string): boolean {
    for (const filter of connection.filters) {
      if (isDeviceHiveTopic(filter) && matchesFilter(filter, topic)) return true;
    }
    return false;
  }

  private mayUseOrdinary(connection: Connection): boolean {
    const { ordinaryTopics } = this.options;
    return (
      ordinaryTopics === 'anyone' || (ordinaryTopics === 'authenticated' && !!this.principalOf(connection))
    );
  }

  private principalOf(connection: Connection): Principal | undefined {
    const principal = this.sessions.principalOf(connection.id);
    return principal && principal.expiresAt > Date.now() ? principal : undefined;
  }
}
