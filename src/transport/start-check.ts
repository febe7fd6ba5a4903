import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DeviceHiveServer } from './devicehive.server.js';

/** An application starts its microservices right before or after it listens. */
const AFTER_MS = 5_000;

/** Tells whoever forgot to connect `DeviceHiveServer` why no client gets in: nothing else would. */
@Injectable()
export class StartCheck implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(DeviceHiveServer.name);
  private timer?: NodeJS.Timeout;

  constructor(private readonly server: DeviceHiveServer) {}

  onApplicationBootstrap(): void {
    this.timer = setTimeout(() => {
      if (this.server.isStarted) return;
      this.logger.warn(
        'No client is let in yet: call app.connectMicroservice({ strategy: app.get(DeviceHiveServer) }) and ' +
          'app.startAllMicroservices()',
      );
    }, AFTER_MS).unref();
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
  }
}
