import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import type { Permission } from '../../protocol/permissions.js';
import { formatTimestamp } from '../../protocol/timestamps.js';
import { parseEventFilter } from '../../protocol/topics.js';
import type { EventSubscription, SubscriptionKind } from '../../subscriptions/event-subscription.js';
import { EventSubscriptions } from '../../subscriptions/event-subscriptions.js';

export interface ListedSubscription {
  /** as in its events: 0 for one that was made by SUBSCRIBE */
  subscriptionId: number;
  type: SubscriptionKind;
  deviceId: string | null;
  networkIds: readonly number[] | null;
  deviceTypeIds: readonly number[] | null;
  names: readonly string[] | null;
  timestamp: string | null;
}

const PERMISSIONS: Record<SubscriptionKind, Permission> = {
  command: 'GetDeviceCommand',
  notification: 'GetDeviceNotification',
};

/** The subscriptions of a connection, made by an action or by SUBSCRIBE. */
@Injectable()
export class SubscriptionListService {
  constructor(private readonly subscriptions: EventSubscriptions) {}

  /** @param type both unless told; only those whose events the caller's permissions show */
  list(
    { permissions }: Principal,
    connectionId: string | undefined,
    type?: string | null,
  ): ListedSubscription[] {
    const all = [
      ...this.subscriptions.of(connectionId).map(listed),
      ...this.subscriptions.filtersOf(connectionId).map(native),
    ];
    return all.filter((one) => (type ?? one.type) === one.type && permissions.has(PERMISSIONS[one.type]));
  }
}

function listed({ id, wanted }: EventSubscription): ListedSubscription {
  const { kind, deviceId, networkIds, deviceTypeIds, names, timestamp } = wanted;
  return {
    subscriptionId: id,
    type: kind,
    deviceId: deviceId ?? null,
    networkIds: networkIds ?? null,
    deviceTypeIds: deviceTypeIds ?? null,
    names: names ?? null,
    timestamp: timestamp ? formatTimestamp(timestamp) : null,
  };
}

function native(filter: string): ListedSubscription {
  const { kind, networkId, deviceTypeId, deviceId, name } = parseEventFilter(filter);
  return {
    subscriptionId: 0,
    type: kind === 'notification' ? 'notification' : 'command',
    deviceId,
    networkIds: networkId === null ? null : [networkId],
    deviceTypeIds: deviceTypeId === null ? null : [deviceTypeId],
    names: name === null ? null : [name],
    timestamp: null,
  };
}
