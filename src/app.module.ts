import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CommandOptions } from './actions/command/command.options.js';
import { DeviceCommandEntity } from './actions/command/device-command.entity.js';
import { HandlerCheck } from './actions/handler-check.js';
import { AuthModule } from './auth/auth.module.js';
import { BrokerModule } from './broker/broker.module.js';
import { BuiltInLink } from './built-in-link.js';
import type { Config } from './config.js';
import { DatabaseModule } from './database/database.module.js';
import { DirectoryModule } from './directory/directory.module.js';
import { Device, DeviceType, Network, User, UserDeviceType, UserNetwork } from './directory/entities.js';
import { HealthModule } from './health/health.module.js';
import { BrokerLink } from './transport/transport.options.js';
import { TransportModule } from './transport/transport.module.js';

const entities = [User, Network, DeviceType, UserNetwork, UserDeviceType, Device, DeviceCommandEntity];

/** The composition root: each module gets its part of the configuration. */
@Module({})
export class AppModule {
  /** @param actions the action modules to install */
  static forRoot(config: Config, actions: Type[]): DynamicModule {
    return {
      module: AppModule,
      global: true,
      imports: [
        DatabaseModule.forRoot(config.database, entities),
        DirectoryModule,
        AuthModule.forRoot(config.auth),
        BrokerModule.forRoot(config.broker),
        TransportModule.forRoot(config.transport, { provide: BrokerLink, useClass: BuiltInLink }),
        HealthModule,
        DiscoveryModule,
        ...actions,
      ],
      providers: [HandlerCheck, { provide: CommandOptions, useValue: config.command }],
      exports: [CommandOptions],
    };
  }
}
