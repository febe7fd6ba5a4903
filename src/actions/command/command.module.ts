import { Module } from '@nestjs/common';
import { CommandController } from './command.controller.js';
import { CommandRepository } from './command.repository.js';
import { ForgetInserts } from './forget-inserts.js';
import { CommandService } from './command.service.js';
import { CommandListRepository } from './list/command-list.repository.js';
import { CommandListService } from './list/command-list.service.js';

/** `command/update`, `command/insert`, `command/get`, `command/list`. */
@Module({
  controllers: [CommandController],
  providers: [CommandService, CommandRepository, CommandListService, CommandListRepository, ForgetInserts],
})
export class CommandModule {}
