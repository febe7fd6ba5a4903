import 'reflect-metadata';
import type { LoggerService, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { actionModules } from './actions/index.js';
import { AppModule } from './app.module.js';
import { BuiltInBroker } from './broker/built-in-broker.js';
import type { Config } from './config.js';
import { seed } from './seed.js';
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
 * Starts the service: exactly what `main` and the tests run. Close it with `app.close()`.
 * @param actions action modules; the installed ones unless told
 * @throws with nothing left open, where the database, a port or a handler is not as it must be
 */
export async function createApp(
  config: Config,
  logger: LoggerService,
  actions: Type[] = actionModules,
): Promise<RunningApp> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(config, actions), {
    logger,
    abortOnError: false,
    forceCloseConnections: true,
  });
  try {
    config.warnings.forEach((warning) => logger.warn(warning));
    const server = app.get(DeviceHiveServer);
    app.connectMicroservice({ strategy: server });
    await app.init();
    await seed(app, config.database);
    await app.startAllMicroservices();
    const mqttUrl = config.external?.url ?? (await listenMqtt(app));
    await listenHttp(app, config, logger);
    return { app, server, mqttUrl, httpUrl: await app.getUrl() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Lets clients in to the built-in broker. */
async function listenMqtt(app: NestExpressApplication): Promise<string> {
  const { address, port } = await app.get(BuiltInBroker).listen();
  return `mqtt://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** On the configured port; on a free one where the default is taken and nobody asked for it. */
async function listenHttp(
  app: NestExpressApplication,
  { http: { host, port, mayChangePort } }: Config,
  logger: LoggerService,
): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    if (!mayChangePort) throw new Error(`Port ${port} on ${host} is taken: set HTTP_PORT`, { cause: error });
    logger.warn(`Port ${port} is taken, using a free one; set HTTP_PORT to choose`);
    await app.listen(0, host);
  }
}
