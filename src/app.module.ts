import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { CommandOptions } from './actions/command/command.options.js';
import { DeviceCommandEntity } from './actions/command/device-command.entity.js';
import { HandlerCheck } from './actions/handler-check.js';
import { DeviceNotificationEntity } from './actions/notification/device-notification.entity.js';
import { AuthModule } from './auth/auth.module.js';
import { BrokerModule } from './broker/broker.module.js';
import { BuiltInLink } from './built-in-link.js';
import type { Config } from './config.js';
import { DatabaseModule } from './database/database.module.js';
import { LeaderLock } from './database/leader-lock.js';
import { Leadership, SoleProcess } from './database/leadership.js';
import { WriteFence } from './database/write-fence.js';
import { DirectoryModule } from './directory/directory.module.js';
import { Device, DeviceType, Network, User, UserDeviceType, UserNetwork } from './directory/entities.js';
import { ExternalBrokerModule } from './external-broker/external-broker.module.js';
import { ExternalLink } from './external-broker/external-link.js';
import { HealthModule } from './health/health.module.js';
import { RetentionModule } from './retention/retention.module.js';
import { BrokerLink } from './transport/link/broker-link.js';
import { ReplayWindow } from './transport/replay-window.js';
import { SubscriptionsModule } from './subscriptions/subscriptions.module.js';
import { TransportModule } from './transport/transport.module.js';

const entities = [
  User,
  Network,
  DeviceType,
  UserNetwork,
  UserDeviceType,
  Device,
  DeviceCommandEntity,
  DeviceNotificationEntity,
];

/** The composition root: each module gets its part of the configuration. */
@Module({})
export class AppModule {
  /** @param actions the action modules to install */
  static forRoot(config: Config, actions: Type[]): DynamicModule {
    const { external } = config;
    return {
      module: AppModule,
      global: true,
      imports: [
        DatabaseModule.forRoot(config.database, entities),
        DirectoryModule,
        AuthModule.forRoot(config.auth),
        SubscriptionsModule,
        external ? ExternalBrokerModule.forRoot(external) : BrokerModule.forRoot(config.broker),
        TransportModule.forRoot(config.transport, {
          provide: BrokerLink,
          useClass: external ? ExternalLink : BuiltInLink,
        }),
        RetentionModule.forRoot(config.retention),
        HealthModule,
        DiscoveryModule,
        ...actions,
      ],
      providers: [
        HandlerCheck,
        { provide: CommandOptions, useValue: config.command },
        { provide: ReplayWindow, useValue: new ReplayWindow(config.replaySeconds) },
        leadership(config),
        { provide: WriteFence, useExisting: Leadership },
      ],
      exports: [CommandOptions, Leadership, ReplayWindow, WriteFence],
    };
  }
}

/** Only on a broker and a database that are others' too there can be another process. */
function leadership({ external, database: { url } }: Config): Provider {
  return {
    provide: Leadership,
    inject: [DataSource],
    useFactory: (pool: DataSource) =>
      external && url ? new LeaderLock(url, `${external.url} ${external.clientId}`, pool) : new SoleProcess(),
  };
}
