import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { printEvent } from '../../transport/event-publisher.js';
import type { RequestOrigin } from '../../transport/link/client-identity.js';
import { type Subscribed, type SubscribeDto, SubscriptionService } from '../subscription.exports.js';
import { eventPayload } from './device-notification.js';
import { NotificationReplayRepository } from './notification-replay.repository.js';

/** `notification/subscribe` and `notification/unsubscribe`. */
@Injectable()
export class NotificationSubscriptionService {
  constructor(
    private readonly subscriptions: SubscriptionService,
    private readonly notifications: NotificationReplayRepository,
  ) {}

  /** @throws {ActionError} as `SubscriptionService`, and 503 where the replay takes too much time */
  subscribe(principal: Principal, origin: RequestOrigin, request: SubscribeDto): Promise<Subscribed> {
    return this.subscriptions.subscribe(
      principal,
      origin,
      { kind: 'notification', ...request },
      () => this.notifications.since(principal, request),
      (one) => printEvent('notification', one, one.notification, eventPayload(one)),
    );
  }

  unsubscribe(origin: RequestOrigin, subscriptionId?: number | null): void {
    this.subscriptions.unsubscribe(origin, 'notification', subscriptionId);
  }
}
