import { Module } from '@nestjs/common';
import { DatabaseClock } from './database-clock.js';
import { ServerController } from './server.controller.js';
import { ServerService } from './server.service.js';

/** `server/info` and `cluster/info`. */
@Module({ controllers: [ServerController], providers: [ServerService, DatabaseClock] })
export class ServerModule {}
