import { Injectable } from '@nestjs/common';
import { EventPublisher } from '../../transport/event-publisher.js';
import type { DeviceNotification } from './device-notification.js';

/** Events are for everybody whose SUBSCRIBE matches, so they carry no id of a `notification/subscribe`. */
const NO_SUBSCRIPTION = 0;

/** Tells the watchers of stored notifications; also for other actions that store one. */
@Injectable()
export class NotificationEvents {
  constructor(private readonly events: EventPublisher) {}

  /** Call it after the commit and before the handler returns. */
  tell(notification: DeviceNotification): void {
    this.events.publish('notification', notification, notification.notification, {
      action: 'notification/insert',
      notification,
      subscriptionId: NO_SUBSCRIPTION,
    });
  }
}
