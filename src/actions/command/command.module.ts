import { Module } from '@nestjs/common';
import { SubscriptionModule } from '../subscription.exports.js';
import { CommandController } from './command.controller.js';
import { CommandRepository } from './command.repository.js';
import { ForgetInserts } from './forget-inserts.js';
import { CommandService } from './command.service.js';
import { CommandListRepository } from './list/command-list.repository.js';
import { CommandListService } from './list/command-list.service.js';
import { CommandReplayRepository } from './replay/command-replay.repository.js';
import { CommandSubscriptionService } from './replay/command-subscription.service.js';

/** `command/update`, `insert`, `get`, `list`, `subscribe`, `unsubscribe`. */
@Module({
  imports: [SubscriptionModule],
  controllers: [CommandController],
  providers: [
    CommandService,
    CommandRepository,
    CommandListService,
    CommandListRepository,
    CommandSubscriptionService,
    CommandReplayRepository,
    ForgetInserts,
  ],
})
export class CommandModule {}
