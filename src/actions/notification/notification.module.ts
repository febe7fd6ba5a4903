import { Module } from '@nestjs/common';
import { NotificationController } from './notification.controller.js';
import { NotificationEvents } from './notification.events.js';
import { NotificationRepository } from './notification.repository.js';
import { NotificationService } from './notification.service.js';

/** `notification/insert`, `notification/get`, `notification/list`. */
@Module({
  controllers: [NotificationController],
  providers: [NotificationService, NotificationRepository, NotificationEvents],
  exports: [NotificationEvents],
})
export class NotificationModule {}
