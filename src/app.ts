import 'reflect-metadata';
import { createServer } from 'node:net';
import type { LoggerService, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { actionModules } from './actions/index.js';
import { AppModule } from './app.module.js';
import { BuiltInBroker } from './broker/built-in-broker.js';
import type { Config } from './config.js';
import { seed } from './seed.js';
import { DeviceHiveServer } from './transport/devicehive.server.js';

/** A service that answers, and where. */
export interface RunningApp {
  app: NestExpressApplication;
  /** e.g. `mqtt://127.0.0.1:1883` */
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
    app.connectMicroservice({ strategy: app.get(DeviceHiveServer) });
    await app.init();
    await seed(app, config.database, config.broker.host);
    await app.startAllMicroservices();
    const { address, port } = await app.get(BuiltInBroker).listen();
    await app.listen(await httpPort(config), config.http.host);
    return { app, mqttUrl: url('mqtt', address, port), httpUrl: await app.getUrl() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

function url(scheme: string, address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return `${scheme}://${host}:${port}`;
}

/** The configured port; a free one where the default is taken and nobody asked for it. */
async function httpPort({ http: { host, port, mayChangePort } }: Config): Promise<number> {
  if (!mayChangePort) return port;
  return new Promise((resolve) => {
    const probe = createServer()
      .once('error', () => resolve(0))
      .once('listening', () => probe.close(() => resolve(port)));
    probe.listen(port, host);
  });
}
