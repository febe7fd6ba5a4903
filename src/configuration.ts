import { type Abstract, type InjectionToken, Logger, type Provider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ownActions } from './actions/index.js';
import { CommandOptions } from './actions/command/command.options.js';
import { ApiOptions } from './api-description/api.options.js';
import { AuthOptions } from './auth/auth.options.js';
import { BrokerOptions } from './broker/broker.options.js';
import { Config, loadConfig } from './config.js';
import { DatabaseOptions } from './database/database.options.js';
import { type DeviceHiveOptions, readOptions } from './devicehive.options.js';
import { closeDataDir } from './protocol/data-dir.js';
import { RetentionOptions } from './retention/retention.options.js';
import { ReplayWindow } from './transport/replay-window.js';
import { TransportOptions } from './transport/transport.options.js';

const slice = <T>(token: Abstract<T>, read: (config: Config) => T) => ({
  provide: token,
  inject: [Config],
  useFactory: read,
});

/** Each module gets its part of the configuration. */
const slices = [
  slice(ApiOptions, ({ api }) => api),
  slice(AuthOptions, ({ auth }) => auth),
  slice(BrokerOptions, ({ broker }) => broker),
  slice(CommandOptions, ({ command }) => command),
  slice(DatabaseOptions, ({ database }) => database),
  slice(RetentionOptions, ({ retention }) => retention),
  slice(TransportOptions, ({ transport }) => ({ ...transport, ownActions })),
  slice(ReplayWindow as Abstract<ReplayWindow>, ({ replaySeconds }) => new ReplayWindow(replaySeconds)),
];

export const SLICES = slices.map(({ provide }) => provide);

/**
 * All else is made from it, so that it is the place to refuse what would open a database or take a port twice.
 * @param options token of the module's options
 */
export function configurationOf(options: InjectionToken): Provider[] {
  const config = {
    provide: Config,
    inject: [options, ModulesContainer],
    useFactory: (given: DeviceHiveOptions, modules: ModulesContainer) => {
      if ([...modules.values()].filter(({ providers }) => providers.has(Config)).length > 1) throw twice();
      const loaded = loadConfig(readOptions(given));
      const logger = new Logger('Configuration');
      const isOpen = closeDataDir(loaded.broker.dataDir);
      for (const warning of isOpen ? [...loaded.warnings, isOpen] : loaded.warnings) logger.warn(warning);
      return loaded;
    },
  };
  return [config, ...slices];
}

const twice = () =>
  new Error(
    'DeviceHiveModule is imported twice in one application: leave one forRoot() or forRootAsync(), it is global',
  );
