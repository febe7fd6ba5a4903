import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import {
  accessDenied,
  ActionError,
  deviceNotFound,
  invalidCredentials,
} from '../../protocol/action-error.js';
import type { DeviceEvent } from '../../protocol/device-event.js';
import type {
  EventSubscription,
  ReplayCursor,
  SubscriptionKind,
  WantedEvents,
} from '../../subscriptions/event-subscription.js';
import { EventSubscriptions } from '../../subscriptions/event-subscriptions.js';
import { Lanes } from '../../transport/lanes.js';
import type { RequestOrigin } from '../../transport/link/client-identity.js';
import { tooSlow } from '../shared/list-page.js';
import type { ReplayPage } from '../shared/replay.js';
import { DEVICE_ID_EMPTY } from '../shared/request-errors.js';
import {
  deviceTypesNotFound,
  networksNotFound,
  seesNothing,
  subscriptionNotFound,
} from './subscription.errors.js';
import { VisiblePlacesRepository } from './visible-places.repository.js';

/** As the column has it. Each filter of a subscription holds the device id, and a request has room for 1 MB of it. */
const MAX_DEVICE_ID = 48;

/** How often a page is read if more live events come during each read than can wait. */
const READS = 3;

/** The reply: if `hasMore`, the rest of what is stored begins behind `timestamp` and `afterId`. */
export type Subscribed = { subscriptionId: number } & Partial<{ hasMore: true } & ReplayCursor>;

/** The rules of the actions that subscribe: what may be asked for. What is delivered is decided at each event. */
@Injectable()
export class SubscriptionService {
  /** A user takes one connection of the pool at most, however many subscriptions have much to replay. */
  private readonly replays = new Lanes();

  constructor(
    private readonly subscriptions: EventSubscriptions,
    private readonly places: VisiblePlacesRepository,
  ) {}

  /**
   * Events that are published from now on are delivered, after the reply and what `replay` gives. A request that asks
   * for the rest of what is stored continues the subscription that has the beginning of it, under a new id.
   * @param replay what is stored, asked for if the request has a `timestamp`
   * @param print the event of an item
   * @throws {ActionError} 501 on an external broker; 403 or 404 for what is asked for and not to be seen
   */
  async subscribe<Item>(
    principal: Principal,
    origin: RequestOrigin,
    wanted: WantedEvents,
    replay: () => Promise<ReplayPage<Item>>,
    print: (item: Item) => DeviceEvent,
  ): Promise<Subscribed> {
    const { connectionId, number, qos } = origin;
    const { deviceId } = wanted;
    if (deviceId && deviceId.length > MAX_DEVICE_ID) throw refused(principal, noDevice(deviceId));
    const subscriber = { connectionId, number, qos, principal };
    const continued = this.subscriptions.continue(subscriber, wanted);
    const subscription = continued ?? this.subscriptions.open(subscriber, wanted);
    try {
      await this.check(principal, wanted);
      if (!wanted.timestamp) return { subscriptionId: subscription.id };
      const { items, next } = await this.read(subscription, () => this.replays.run(principal.userId, replay));
      subscription.replay(items.map(print), next);
      if (continued) this.subscriptions.rename(continued);
      return { subscriptionId: subscription.id, ...(next && { hasMore: true, ...next }) };
    } catch (error) {
      if (!continued) this.subscriptions.close(connectionId, wanted.kind, subscription.id);
      throw error;
    }
  }

  /**
   * @param id all of the kind unless told
   * @throws {ActionError} 404 for one that the connection does not have
   */
  unsubscribe({ connectionId }: RequestOrigin, kind: SubscriptionKind, id?: number | null): void {
    if (id == null) return this.subscriptions.closeAll(connectionId, kind);
    if (!this.subscriptions.close(connectionId, kind, id)) {
      throw subscriptionNotFound(id);
    }
  }

  /** Live events that had no room are read from the database: each was committed before it was told. */
  private async read<Item>(
    subscription: EventSubscription,
    replay: () => Promise<ReplayPage<Item>>,
  ): Promise<ReplayPage<Item>> {
    for (let reads = 0; reads < READS; reads++) {
      const page = await replay();
      if (!subscription.hasMissed) return page;
      subscription.forgetWaiting();
    }
    throw tooSlow();
  }

  private async check(principal: Principal, wanted: WantedEvents): Promise<void> {
    const { deviceId = null, networkIds, deviceTypeIds } = wanted;
    const networks = [...new Set(networkIds)];
    const types = [...new Set(deviceTypeIds)];
    const places = await this.places.of(principal, deviceId, networks, types);
    if (!places) throw invalidCredentials();
    if (deviceId !== null && !places.device) throw refused(principal, noDevice(deviceId));
    const unseenNetworks = networks.filter((id) => !places.networkIds.includes(id));
    if (unseenNetworks.length > 0) throw refused(principal, networksNotFound(unseenNetworks));
    const unseenTypes = types.filter((id) => !places.deviceTypeIds.includes(id));
    if (unseenTypes.length > 0) throw refused(principal, deviceTypesNotFound(unseenTypes));
    if (!places.something) throw seesNothing();
  }
}

const refused = ({ limited }: Principal, error: ActionError): ActionError =>
  limited ? accessDenied() : error;

const noDevice = (deviceId: string): ActionError =>
  deviceId === '' ? new ActionError(400, DEVICE_ID_EMPTY) : deviceNotFound(deviceId);
