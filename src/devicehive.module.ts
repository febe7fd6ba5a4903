import { ConfigurableModuleBuilder, type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { DeviceCommandEntity } from './actions/command/device-command.entity.js';
import { HandlerCheck } from './actions/handler-check.js';
import { actionModules } from './actions/index.js';
import { VisibleDevices } from './actions/visible-devices.js';
import { DeviceNotificationEntity } from './actions/notification/device-notification.entity.js';
import { ApiDescriptionModule } from './api-description/api-description.module.js';
import { AuthModule } from './auth/auth.module.js';
import { BrokerModule } from './broker/broker.module.js';
import { configurationOf, SLICES } from './configuration.js';
import { DatabaseModule } from './database/database.module.js';
import { Leadership } from './database/leadership.js';
import { WriteFence } from './database/write-fence.js';
import { DEFAULT_EXTRAS, type DeviceHiveExtras, type DeviceHiveOptions } from './devicehive.options.js';
import { DirectoryModule } from './directory/directory.module.js';
import { Device, DeviceType, Network, User, UserDeviceType, UserNetwork } from './directory/entities.js';
import { HealthModule } from './health/health.module.js';
import { leadership, link } from './links.js';
import { RefusalLog } from './logging/refusal-log.js';
import { RetentionModule } from './retention/retention.module.js';
import { Seed } from './seed.js';
import { SubscriptionsModule } from './subscriptions/subscriptions.module.js';
import { BrokerLink } from './transport/link/broker-link.js';
import { TransportModule } from './transport/transport.module.js';

const ENTITIES = [
  User,
  Network,
  DeviceType,
  UserNetwork,
  UserDeviceType,
  Device,
  DeviceCommandEntity,
  DeviceNotificationEntity,
];

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<DeviceHiveOptions>({ moduleName: 'DeviceHive' })
    .setClassMethodName('forRoot')
    .setExtras<DeviceHiveExtras>(DEFAULT_EXTRAS, compose)
    .build();

/** The composition root. Global: guard, pipe and filter of an action run in the module of its controller. */
function compose(definition: DynamicModule, extras: DeviceHiveExtras): DynamicModule {
  const {
    actions = DEFAULT_EXTRAS.actions,
    migrations = DEFAULT_EXTRAS.migrations,
    health = DEFAULT_EXTRAS.health,
    docs = DEFAULT_EXTRAS.docs,
  } = extras;
  return {
    ...definition,
    global: true,
    imports: [
      ...(definition.imports ?? []),
      DatabaseModule.forRoot(ENTITIES, migrations),
      DirectoryModule,
      AuthModule,
      SubscriptionsModule,
      BrokerModule,
      TransportModule,
      RetentionModule,
      ...(health === false ? [] : [HealthModule.forRoot(health)]),
      ...(docs ? [ApiDescriptionModule] : []),
      DiscoveryModule,
      ...actionModules,
      ...actions,
    ],
    providers: [
      ...(definition.providers ?? []),
      ...configurationOf(MODULE_OPTIONS_TOKEN),
      HandlerCheck,
      RefusalLog,
      Seed,
      VisibleDevices,
      leadership,
      { provide: WriteFence, useExisting: Leadership },
      link,
    ],
    exports: [...SLICES, BrokerLink, Leadership, RefusalLog, VisibleDevices, WriteFence],
  };
}

/**
 * DeviceHive's MQTT API in a Nest application, with a data source, a broker and handlers of its own: nothing global of
 * the application applies to it, and nothing of it to the application. It serves when the application is initialised
 * and `DeviceHiveServer` is connected to it; see there.
 *
 * One in an application; a second `forRoot()` or `forRootAsync()` is refused when the application is created.
 */
@Module({})
export class DeviceHiveModule extends ConfigurableModuleClass {
  /**
   * @param options e.g. `{ mqtt: { port: 1883 }, environment: process.env, actions: [RebootModule] }`; the application's
   *   creation fails where a variable is wrong, naming it and what would be right, and where the database cannot be
   *   reached or is not up to date
   */
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    return super.forRoot(options);
  }

  /**
   * The same with `imports`, `inject` and `useFactory` (or `useClass`, `useExisting`); the factory returns
   * `{ environment }` or typed options, and `actions`, `migrations`, `health` and `docs` are given beside it.
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }
}
