import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import {
  accessDenied,
  ActionError,
  deviceNotFound,
  invalidCredentials,
} from '../../protocol/action-error.js';
import type { DeviceEvent } from '../../protocol/device-event.js';
import type { SubscriptionKind, WantedEvents } from '../../subscriptions/event-subscription.js';
import { EventSubscriptions } from '../../subscriptions/event-subscriptions.js';
import { Lanes } from '../../transport/lanes.js';
import type { RequestOrigin } from '../../transport/link/client-identity.js';
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
   * Events that are published from now on are delivered, after the reply and what `replay` gives.
   * @param replay stored events, asked for where the request has a `timestamp`
   * @throws {ActionError} 501 on an external broker; 403 or 404 for what is asked for and not to be seen
   */
  async subscribe(
    principal: Principal,
    origin: RequestOrigin,
    wanted: WantedEvents,
    replay: () => Promise<DeviceEvent[]>,
  ): Promise<{ subscriptionId: number }> {
    const { connectionId, number, qos } = origin;
    const { deviceId } = wanted;
    if (deviceId && deviceId.length > MAX_DEVICE_ID) throw refused(principal, noDevice(deviceId));
    const subscription = this.subscriptions.open({ connectionId, number, qos, principal }, wanted);
    try {
      await this.check(principal, wanted);
      if (wanted.timestamp) subscription.replay(await this.replays.run(principal.userId, replay));
    } catch (error) {
      this.subscriptions.close(connectionId, wanted.kind, subscription.id);
      throw error;
    }
    return { subscriptionId: subscription.id };
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
