import { Global, Module } from '@nestjs/common';
import { BuiltInBroker } from './built-in-broker.js';
import { Connections } from './connections.js';
import { EventDelivery } from './events/event-delivery.js';
import { StoredSessions } from './events/stored-sessions.js';
import { Handshake } from './handshake.js';
import { PacketReaders } from './packet-readers.js';
import { Reading } from './reading.js';
import { ServiceTraffic } from './service-traffic.js';
import { TopicAccess } from './topic-access.js';

/** The broker in the process; it stays closed where the service is a client of another one. */
@Global()
@Module({
  providers: [
    BuiltInBroker,
    Connections,
    EventDelivery,
    Handshake,
    PacketReaders,
    Reading,
    ServiceTraffic,
    StoredSessions,
    TopicAccess,
  ],
  exports: [BuiltInBroker, Reading, ServiceTraffic],
})
export class BrokerModule {}
