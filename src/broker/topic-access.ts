import { Injectable } from '@nestjs/common';
import type { PublishPacket } from 'aedes';
import type { Principal } from '../auth/principal.js';
import { Sessions } from '../auth/sessions.js';
import { maySee } from '../directory/access-scope.js';
import { UserRightsCache } from '../directory/user-rights.js';
import type { Permission } from '../protocol/permissions.js';
import { isDeviceHiveTopic, parseEventTopic, REQUEST_TOPIC, responseOwner } from '../protocol/topics.js';
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

/** Of commands, their updates and notifications, all devices or some. */
export const EVENT_FILTER = /^dh\/(command|command_update|notification)(\/|$)/;

const PERMISSION_TO_READ: Record<string, Permission> = {
  command: 'GetDeviceCommand',
  command_update: 'GetDeviceCommand',
  notification: 'GetDeviceNotification',
};

/** Who watches events, and what the credential shown allows. */
export type Watcher = Pick<
  Principal,
  'userId' | 'permissions' | 'networkIds' | 'deviceTypeIds' | 'generation'
>;

/**
 * Who may publish, subscribe and receive on the built-in broker. The service's own connection is not asked.
 * A filter may be granted that is wider than its holder's rights: what counts is what is delivered.
 */
@Injectable()
export class TopicAccess {
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
    if (!isDeviceHiveTopic(filter)) return restored || this.mayUseOrdinary(connection);
    if (filter === 'dh/response' || filter.startsWith('dh/response/')) {
      const owner = responseOwner(filter);
      return owner === undefined ? filter.endsWith('#') : owner === connection.client.id;
    }
    if (this.isRequest(filter)) return false;
    const isEvent = EVENT_FILTER.test(filter);
    if (isEvent && filter.includes('@') && !filter.endsWith(`@${connection.client.id}`)) return false;
    return restored || this.principalOf(connection) !== undefined;
  }

  /** What Aedes routes: ordinary topics only. Replies and events take their own way. */
  mayReceive(connection: Connection, topic: string): boolean {
    return !topic.startsWith('$') && !isDeviceHiveTopic(topic) && this.mayUseOrdinary(connection);
  }

  /** Whether an event is of what the credential and its user's current rights show. */
  mayWatch(watcher: Watcher, topic: string): boolean {
    const event = parseEventTopic(topic);
    if (!event || !watcher.permissions.has(PERMISSION_TO_READ[event.kind]!)) return false;
    return maySee(watcher, this.rights.of(watcher.userId), event.networkId, event.deviceTypeId);
  }

  private mayUseOrdinary(connection: Connection): boolean {
    const { ordinaryTopics } = this.options;
    return (
      ordinaryTopics === 'anyone' || (ordinaryTopics === 'authenticated' && !!this.principalOf(connection))
    );
  }

  /** @returns `undefined` where nobody has authenticated, or for no longer than until now */
  principalOf(connection: Connection): Principal | undefined {
    const principal = this.sessions.principalOf(connection.id);
    return principal && principal.expiresAt > Date.now() ? principal : undefined;
  }
}
