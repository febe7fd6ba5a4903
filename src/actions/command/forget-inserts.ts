import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CommandRepository } from './command.repository.js';

const EVERY_MS = 60_000;

/** Keeps the table of recent inserts small. Replicas may do it at the same time. */
@Injectable()
export class ForgetInserts implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Commands');
  private timer?: NodeJS.Timeout;

  constructor(private readonly commands: CommandRepository) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.commands
        .forgetInserts()
        .catch((error) => this.logger.warn(`Old inserts are not forgotten: ${error}`));
    }, EVERY_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }
}
