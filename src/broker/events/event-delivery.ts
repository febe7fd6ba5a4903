import { Injectable } from '@nestjs/common';
import type { DeviceEvent } from '../../protocol/device-event.js';
import { EventIndex } from '../../subscriptions/event-index.js';
import { EventSubscription } from '../../subscriptions/event-subscription.js';
import { type EventSink, EventSubscriptions } from '../../subscriptions/event-subscriptions.js';
import type { FilterBudget } from '../../subscriptions/filter-budget.js';
import { Connections } from '../connections.js';
import { EVENT_FILTER, TopicAccess } from '../topic-access.js';

const WITHOUT_SUBSCRIPTION = '"subscriptionId":0}';

/**
 * Takes events to their watchers, past Aedes's routing: that one drops an event which a reply has overtaken, knows
 * nothing of subscriptions made by an action, and erases what waits for a client that has yet to authenticate.
 */
@Injectable()
export class EventDelivery implements EventSink {
  constructor(
    private readonly index: EventIndex,
    private readonly connections: Connections,
    private readonly access: TopicAccess,
    subscriptions: EventSubscriptions,
  ) {
    subscriptions.sink = this;
  }

  /**
   * Rights must be fresh. A client gets one copy for all its filters and one for each subscription by an action; where
   * it has both, the first subscription gives its filters' copy the id, and its QoS where that is higher.
   */
  deliver(event: DeviceEvent): void {
    const matches = this.index.match(event.topic);
    const naming = new Map<string, EventSubscription>();
    for (const { receiver } of matches) {
      if (!(receiver instanceof EventSubscription)) continue;
      if (receiver.hasBegun && !naming.has(receiver.connectionId))
        naming.set(receiver.connectionId, receiver);
      else receiver.receive(event);
    }
    for (const { receiver, qos, suffix } of matches) {
      if (receiver instanceof EventSubscription) continue;
      const { connectionId = '' } = receiver;
      const subscription = naming.get(connectionId);
      const copy = subscription ? named(event, subscription) : event;
      const highest = Math.max(qos, subscription?.qos ?? 0);
      if (receiver.receive(copy, highest, suffix)) naming.delete(connectionId);
    }
    for (const subscription of naming.values()) subscription.receive(event);
  }

  budgetOf(connectionId: string): FilterBudget | undefined {
    return this.connections.get(connectionId)?.filters.budget;
  }

  send(subscription: EventSubscription, event: DeviceEvent): boolean {
    const connection = this.connections.get(subscription.connectionId);
    const principal = subscription.principal ?? (connection && this.access.principalOf(connection));
    if (!connection || !principal || principal.expiresAt <= Date.now()) return false;
    if (!this.access.mayWatch(principal, event.topic)) return false;
    connection.outbox.publish({ qos: Math.min(subscription.qos, 1), ...named(event, subscription) });
    return true;
  }

  disconnect(connectionId: string, why: string): void {
    this.connections.get(connectionId)?.client.emit('error', new Error(why));
  }

  *eventFiltersOf(connectionId: string): Iterable<string> {
    for (const [filter] of this.connections.get(connectionId)?.filters ?? []) {
      if (EVENT_FILTER.test(filter)) yield filter;
    }
  }
}

function named(event: DeviceEvent, { id }: EventSubscription): DeviceEvent {
  const { payload } = event;
  if (!payload.endsWith(WITHOUT_SUBSCRIPTION)) return event;
  return { ...event, payload: `${payload.slice(0, -2)}${id}}` };
}
