import 'reflect-metadata';
import { Logger, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Config } from './config.js';
import { closeDatabaseOf } from './database/database.module.js';
import { DeviceHiveModule } from './devicehive.module.js';
import type { DeviceHiveRootOptions } from './devicehive.options.js';
import { listenError } from './protocol/listen-error.js';
import { DeviceHiveServer } from './transport/devicehive.server.js';

/** A service that has started, and where it is. */
export interface RunningApp {
  app: NestExpressApplication;
  /** on an external broker, which may be away, it is ready later: `server.whenReady` */
  server: DeviceHiveServer;
  /** where clients connect, e.g. `mqtt://127.0.0.1:1883` */
  mqttUrl: string;
  httpUrl: string;
}

/**
 * The service as an application of its own, with health endpoints on `HTTP_HOST` and `HTTP_PORT`: exactly what `main`
 * and the tests run. Close it with `app.close()`.
 * @param logger Nest's unless told
 * @param options as `DeviceHiveModule.forRoot()` takes them
 * @throws with nothing left open, where a variable, the database, a port or a handler is not as it must be
 */
export async function createApp(options: DeviceHiveRootOptions, logger?: LoggerService): Promise<RunningApp> {
  const app = await create(options, logger);
  try {
    const server = app.get(DeviceHiveServer);
    app.connectMicroservice({ strategy: server });
    await app.init();
    await app.startAllMicroservices();
    await listenHttp(app);
    return { app, server, mqttUrl: server.brokerUrl!, httpUrl: await app.getUrl() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Where the creation fails Nest gives no application to be closed; the database is what is open by then. */
async function create(
  options: DeviceHiveRootOptions,
  logger?: LoggerService,
): Promise<NestExpressApplication> {
  const module = DeviceHiveModule.forRoot(options);
  try {
    return await NestFactory.create<NestExpressApplication>(module, {
      logger,
      abortOnError: false,
      forceCloseConnections: true,
    });
  } catch (error) {
    await closeDatabaseOf(module);
    throw error;
  }
}

/** On the configured port; on a free one where the default is taken and nobody asked for it. */
async function listenHttp(app: NestExpressApplication): Promise<void> {
  const { host, port, mayChangePort } = app.get(Config).http;
  try {
    await app.listen(port, host);
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!isTaken || !mayChangePort) throw listenError(error, { host, port }, 'HTTP');
    new Logger('HTTP').warn(`Port ${port} is taken, using a free one; set HTTP_PORT to choose`);
    await app.listen(0, host);
  }
}
