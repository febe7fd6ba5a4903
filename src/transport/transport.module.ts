import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import { ActionExceptionFilter } from './action-exception.filter.js';
import { ActionValidationPipe } from './action-validation.pipe.js';
import { DeviceHiveServer } from './devicehive.server.js';
import { EventPublisher } from './event-publisher.js';
import { TransportOptions } from './transport.options.js';

/** Global, because every action module publishes events and shares one pipe and one filter. */
@Global()
@Module({})
export class TransportModule {
  /** @param link provider of `BrokerLink`: which broker the service is a client of */
  static forRoot(options: TransportOptions, link: Provider): DynamicModule {
    const shared = [DeviceHiveServer, EventPublisher, ActionValidationPipe, ActionExceptionFilter];
    return {
      module: TransportModule,
      providers: [...shared, link, { provide: TransportOptions, useValue: options }],
      exports: shared,
    };
  }
}
