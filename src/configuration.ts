import { type Abstract, type InjectionToken, Logger, type Provider } from '@nestjs/common';
import { CommandOptions } from './actions/command/command.options.js';
import { ApiOptions } from './api-description/api.options.js';
import { AuthOptions } from './auth/auth.options.js';
import { BrokerOptions } from './broker/broker.options.js';
import { Config, loadConfig } from './config.js';
import { DatabaseOptions } from './database/database.options.js';
import type { DeviceHiveOptions } from './devicehive.options.js';
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
  slice(TransportOptions, ({ transport }) => transport),
  slice(ReplayWindow as Abstract<ReplayWindow>, ({ replaySeconds }) => new ReplayWindow(replaySeconds)),
];

export const SLICES = slices.map(({ provide }) => provide);

/** @param options token of the module's options */
export function configurationOf(options: InjectionToken): Provider[] {
  const config = {
    provide: Config,
    inject: [options],
    useFactory: ({ environment }: DeviceHiveOptions) => {
      const loaded = loadConfig(environment);
      const logger = new Logger('Configuration');
      loaded.warnings.forEach((warning) => logger.warn(warning));
      return loaded;
    },
  };
  return [config, ...slices];
}
