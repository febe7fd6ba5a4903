import { Module } from '@nestjs/common';
import { SubscriptionModule } from '../subscription.exports.js';
import { NotificationReplayRepository } from './notification-replay.repository.js';
import { NotificationSubscriptionService } from './notification-subscription.service.js';
import { NotificationController } from './notification.controller.js';
import { NotificationEvents } from './notification.events.js';
import { NotificationRepository } from './notification.repository.js';
import { NotificationService } from './notification.service.js';

/** `notification/insert`, `get`, `list`, `subscribe`, `unsubscribe`. */
@Module({
  imports: [SubscriptionModule],
  controllers: [NotificationController],
  providers: [
    NotificationService,
    NotificationRepository,
    NotificationEvents,
    NotificationSubscriptionService,
    NotificationReplayRepository,
  ],
  exports: [NotificationEvents],
})
export class NotificationModule {}
