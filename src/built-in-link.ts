import { Injectable } from '@nestjs/common';
import { MqttClient } from 'mqtt';
import { BrokerOptions } from './broker/broker.options.js';
import { BuiltInBroker } from './broker/built-in-broker.js';
import { linkedEventTopic } from './protocol/service-link.js';
import { BrokerLink, type LinkListener, NO_LOG } from './transport/link/broker-link.js';
import { BuiltInIdentity } from './transport/link/client-identity.js';

/** The service as a client of the broker in its own process, over a stream instead of a socket. */
@Injectable()
export class BuiltInLink extends BrokerLink {
  override readonly identity = new BuiltInIdentity();
  override readonly clientId: string;
  /** Within the process nothing gets lost on the way; PUBACKs would be half of the packets. */
  override readonly maxQos = 0;
  override readonly keepsRequests = false;
  override readonly mayBeAway = false;

  constructor(
    private readonly broker: BuiltInBroker,
    options: BrokerOptions,
  ) {
    super();
    this.clientId = options.serviceClientId;
  }

  override open(listener: LinkListener): void {
    const client = new MqttClient(() => this.broker.openServiceLink() as never, {
      clientId: this.clientId,
      protocolVersion: 4,
      clean: true,
      keepalive: 0,
      reconnectPeriod: 100,
      resubscribe: false,
      log: NO_LOG,
    });
    listener.opened(client);
  }

  override event(topic: string, expiresAt?: number) {
    return { topic: linkedEventTopic(topic, expiresAt) };
  }

  override async close(): Promise<void> {}
}
