import { Module } from '@nestjs/common';
import { CommandController } from './command.controller.js';
import { CommandRepository } from './command.repository.js';
import { ForgetInserts } from './forget-inserts.js';
import { CommandService } from './command.service.js';

/** `command/update`, `command/insert`, `command/get`. */
@Module({ controllers: [CommandController], providers: [CommandService, CommandRepository, ForgetInserts] })
export class CommandModule {}
