import type { DynamicModule, Type } from '@nestjs/common';
import type { MigrationInterface } from 'typeorm';
import type { Variables } from './environment.js';
import { type DeviceHiveSettings, variablesOf } from './settings.js';

/** The configuration; with `forRootAsync` it is what the factory returns. */
export interface DeviceHiveOptions extends DeviceHiveSettings {
  /**
   * Variables by the names and with the defaults of the README, each as text; `process.env` is one such object. An
   * empty one counts as not set, a wrong one stops the start. `HTTP_HOST` and `HTTP_PORT` count if
   * `createApp` makes the application, `LOG_LEVEL` with `npm start` only: else HTTP and the log are the application's.
   * Options beside it win over its variables.
   */
  environment?: Variables;
}

/** What has to be known before any provider is made, so that it is given beside a factory and not by it. */
export interface DeviceHiveExtras {
  /** action modules beside those of DeviceHive; a module that the application imports elsewhere counts as well */
  actions?: (Type | DynamicModule)[];
  /**
   * Migrations of these modules' own tables. They run with those of the service: on the embedded database at the
   * start, on a PostgreSQL server by `migrate()`. A start without them is refused.
   */
  migrations?: Type<MigrationInterface>[];
  /** path of the health endpoints on the application's HTTP server, or `false` for none; `health` unless told */
  health?: string | false;
  /** whether `GET /docs` and `GET /asyncapi.json` are on the application's HTTP server; true unless told */
  docs?: boolean;
}

export const DEFAULT_EXTRAS: Required<DeviceHiveExtras> = {
  actions: [],
  migrations: [],
  health: 'health',
  docs: true,
};

/** What `DeviceHiveModule.forRoot()`, `createApp()` and `migrate()` take. */
export interface DeviceHiveRootOptions extends DeviceHiveOptions, DeviceHiveExtras {}

/**
 * The variables that options stand for, whichever way they are given.
 * @throws if there is an option of another name; what is right stands in the message
 */
export function readOptions({ environment, ...options }: DeviceHiveRootOptions): Variables {
  const settings = Object.entries(options).filter(([name]) => !Object.hasOwn(DEFAULT_EXTRAS, name));
  return { ...environment, ...variablesOf(Object.fromEntries(settings)) };
}
