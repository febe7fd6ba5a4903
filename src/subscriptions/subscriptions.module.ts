import { Global, Module } from '@nestjs/common';
import { EventIndex } from './event-index.js';
import { EventSubscriptions } from './event-subscriptions.js';

/** Who watches which events. */
@Global()
@Module({ providers: [EventIndex, EventSubscriptions], exports: [EventIndex, EventSubscriptions] })
export class SubscriptionsModule {}
