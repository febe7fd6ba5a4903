import { Module } from '@nestjs/common';
import { SubscriptionController } from './subscription.controller.js';
import { SubscriptionListService } from './subscription-list.service.js';
import { SubscriptionService } from './subscription.service.js';
import { VisiblePlacesRepository } from './visible-places.repository.js';

/** `subscription/list`, and what the other actions need to subscribe. */
@Module({
  controllers: [SubscriptionController],
  providers: [SubscriptionListService, SubscriptionService, VisiblePlacesRepository],
  exports: [SubscriptionService],
})
export class SubscriptionModule {}
