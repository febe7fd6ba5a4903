import { Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { Sessions } from '../auth/sessions.js';
import { UserRightsCache } from '../directory/user-rights.js';
import { ActionError, Superseded } from '../protocol/action-error.js';
import type { DeviceEvent } from '../protocol/device-event.js';
import { EventIndex } from './event-index.js';
import type { FilterBudget } from './filter-budget.js';
import {
  EventSubscription,
  filterCount,
  type SubscriptionKind,
  type WantedEvents,
} from './event-subscription.js';

/** Of one connection. */
const MAX_SUBSCRIPTIONS = 100;
/** Of one subscription: each network with each device type with each name. */
const MAX_FILTERS = 1_000;

/** Who subscribes, and with which of the connection's requests. */
export interface Subscriber {
  connectionId?: string;
  number?: number;
  /** as the request; events come at 1 at most */
  qos: number;
  principal: Principal;
}

/** What the built-in broker does for subscriptions; no other broker can. */
export interface EventSink {
  /** The budget that counts the filters of a connection; `undefined` if the connection is gone. */
  budgetOf(connectionId: string): FilterBudget | undefined;
  /** Hands an event to the subscription's connection, if its principal may see it now. */
  send(subscription: EventSubscription, event: DeviceEvent): boolean;
  /** Ends the connection. */
  disconnect(connectionId: string, why: string): void;
  /** The filters for events that a connection has by SUBSCRIBE. */
  eventFiltersOf(connectionId: string): Iterable<string>;
}

/**
 * Subscriptions that clients make with an action instead of SUBSCRIBE. They belong to a connection and end with it.
 * Events that come before the action's reply has left wait for it.
 */
@Injectable()
export class EventSubscriptions {
  private readonly logger = new Logger('Broker');
  private readonly byConnection = new Map<string, Map<number, EventSubscription>>();
  private lastId = 0;
  /** set by the built-in broker */
  sink?: EventSink;

  constructor(
    private readonly index: EventIndex,
    private readonly sessions: Sessions,
    private readonly rights: UserRightsCache,
  ) {}

  /**
   * @throws {Superseded} where the connection is gone
   * @throws {ActionError} 501 on another broker, which alone decides who gets what; 429 where there are too many;
   *   400 where it asks for too much
   */
  open({ connectionId, number, qos, principal }: Subscriber, request: WantedEvents): EventSubscription {
    const sink = this.sink;
    if (!sink || connectionId === undefined || number === undefined) throw needsBuiltInBroker(request);
    // It may have waited for long; nobody would ever close what is opened now.
    const budget = sink.budgetOf(connectionId);
    if (!budget) throw new Superseded();
    const wanted = withoutRepeats(request);
    const siblings = this.byConnection.get(connectionId) ?? new Map<number, EventSubscription>();
    if (siblings.size >= MAX_SUBSCRIPTIONS) throw tooMany();
    if (filterCount(wanted) > MAX_FILTERS) throw tooWide();
    const isOfSession = this.sessions.principalOf(connectionId) === principal;
    const subscription = new EventSubscription(
      { id: ++this.lastId, connectionId, number, qos, principal: isOfSession ? undefined : principal },
      wanted,
      this.index,
      budget,
      sink,
    );
    if (!isOfSession) this.rights.watch(principal.userId);
    this.byConnection.set(connectionId, siblings.set(subscription.id, subscription));
    return subscription;
  }

  /**
   * Finds the subscription that the request continues: the one that has replayed what comes before. Its events wait for
   * the reply again.
   * @returns `undefined` if there is none
   */
  continue(
    { connectionId, number, qos, principal }: Subscriber,
    request: WantedEvents,
  ): EventSubscription | undefined {
    const wanted = withoutRepeats(request);
    const session = connectionId === undefined ? undefined : this.sessions.principalOf(connectionId);
    const subscription = this.of(connectionId).find(
      (one) => one.isContinuedBy(wanted) && (one.principal ?? session)?.userId === principal.userId,
    );
    if (!subscription || number === undefined) return undefined;
    const before = subscription.principal;
    const isOfSession = session === principal;
    if (!isOfSession) this.rights.watch(principal.userId);
    if (before) this.rights.unwatch(before.userId);
    subscription.waitForReply({ number, qos, principal: isOfSession ? undefined : principal });
    return subscription;
  }

  /** Gives it a new id, by which a client tells its events from those before. */
  rename(subscription: EventSubscription): void {
    const siblings = this.byConnection.get(subscription.connectionId);
    if (!siblings?.delete(subscription.id)) return;
    subscription.id = ++this.lastId;
    siblings.set(subscription.id, subscription);
  }

  /** @returns `false` where the connection has no such subscription */
  close(connectionId: string | undefined, kind: SubscriptionKind, id: number): boolean {
    const subscription = this.of(connectionId).find((one) => one.id === id && one.kind === kind);
    if (!subscription) return false;
    subscription.end();
    if (subscription.principal) this.rights.unwatch(subscription.principal.userId);
    const siblings = this.byConnection.get(subscription.connectionId)!;
    siblings.delete(id);
    if (siblings.size === 0) this.byConnection.delete(subscription.connectionId);
    return true;
  }

  /** @param kind all kinds unless told */
  closeAll(connectionId: string | undefined, kind?: SubscriptionKind): void {
    for (const one of this.of(connectionId)) {
      if (!kind || one.kind === kind) this.close(connectionId, one.kind, one.id);
    }
  }

  /** In the order in which they were made. */
  of(connectionId: string | undefined): EventSubscription[] {
    return [...(this.byConnection.get(connectionId ?? '')?.values() ?? [])];
  }

  /** The filters for events that a connection has by SUBSCRIBE. */
  filtersOf(connectionId: string | undefined): string[] {
    return connectionId && this.sink ? [...this.sink.eventFiltersOf(connectionId)] : [];
  }

  /** The reply to a request has left: what its subscription has waiting follows. */
  replied(connectionId: string, number: number): void {
    for (const one of this.byConnection.get(connectionId)?.values() ?? []) {
      if (one.number !== number) continue;
      this.rights
        .refresh()
        .then(() => one.begin(number))
        .catch((error) => this.logger.error('A subscription cannot begin', error));
    }
  }
}

/** A list may name the same as often as a request has room for; it is kept as long as the subscription. */
function withoutRepeats(wanted: WantedEvents): WantedEvents {
  const { networkIds, deviceTypeIds, names } = wanted;
  return {
    ...wanted,
    networkIds: networkIds && [...new Set(networkIds)],
    deviceTypeIds: deviceTypeIds && [...new Set(deviceTypeIds)],
    names: names && [...new Set(names)],
  };
}

/** DeviceHive has none of these. */
export function needsBuiltInBroker({ kind }: Pick<WantedEvents, 'kind'>): ActionError {
  return new ActionError(
    501,
    `${kind}/subscribe needs the built-in broker: SUBSCRIBE to dh/${kind}/<network>/<device type>/<device>/<name>`,
  );
}

export const tooMany = (): ActionError =>
  new ActionError(429, `More than ${MAX_SUBSCRIPTIONS} subscriptions: unsubscribe from some first`);

export const tooWide = (): ActionError =>
  new ActionError(
    400,
    `More than ${MAX_FILTERS} combinations of network, device type and name: ask for fewer`,
  );
