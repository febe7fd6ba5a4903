import { Injectable } from '@nestjs/common';
import { MqttClient } from 'mqtt';
import { BrokerOptions } from './broker/broker.options.js';
import { BuiltInBroker } from './broker/built-in-broker.js';
import { BuiltInIdentity } from './transport/client-identity.js';
import { BrokerLink } from './transport/transport.options.js';

/** The service as a client of the broker in its own process, over a stream instead of a socket. */
@Injectable()
export class BuiltInLink extends BrokerLink {
  override readonly identity = new BuiltInIdentity();
  override readonly clientId: string;

  constructor(
    private readonly broker: BuiltInBroker,
    options: BrokerOptions,
  ) {
    super();
    this.clientId = options.serviceClientId;
  }

  override open(): MqttClient {
    return new MqttClient(() => this.broker.openServiceLink() as never, {
      clientId: this.clientId,
      protocolVersion: 4,
      clean: true,
      keepalive: 0,
      reconnectPeriod: 100,
      resubscribe: false,
    });
  }
}
