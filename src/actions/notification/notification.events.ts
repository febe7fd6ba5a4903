import { Injectable } from '@nestjs/common';
import { EventPublisher } from '../../transport/event-publisher.js';
import { type DeviceNotification, eventPayload } from './device-notification.js';

/** Tells the watchers of stored notifications; also for other actions that store one. */
@Injectable()
export class NotificationEvents {
  constructor(private readonly events: EventPublisher) {}

  /** Call it after the commit and before the handler returns. */
  tell(notification: DeviceNotification): void {
    this.events.publish('notification', notification, notification.notification, eventPayload(notification));
  }
}
