import { type DynamicModule, Module } from '@nestjs/common';
import { BrokerOptions } from './broker.options.js';
import { BuiltInBroker } from './built-in-broker.js';
import { Connections } from './connections.js';
import { EventDelivery } from './events/event-delivery.js';
import { StoredSessions } from './events/stored-sessions.js';
import { Handshake } from './handshake.js';
import { ServiceTraffic } from './service-traffic.js';
import { TopicAccess } from './topic-access.js';

/** The broker in the process; left out where the service is a client of another one. */
@Module({})
export class BrokerModule {
  static forRoot(options: BrokerOptions): DynamicModule {
    return {
      module: BrokerModule,
      global: true,
      providers: [
        { provide: BrokerOptions, useValue: options },
        BuiltInBroker,
        Connections,
        EventDelivery,
        Handshake,
        ServiceTraffic,
        StoredSessions,
        TopicAccess,
      ],
      exports: [BuiltInBroker, BrokerOptions, ServiceTraffic],
    };
  }
}
