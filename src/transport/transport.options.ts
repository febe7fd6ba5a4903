import type { MqttClient } from 'mqtt';
import type { ClientIdentity } from './client-identity.js';

/** What the transport needs from the composition root. */
export abstract class TransportOptions {
  /** payloads above it are answered 413; bytes */
  abstract maxRequestBytes: number;
  /** requests in work at the same time; above it QoS 0 is refused and QoS 1 waits */
  abstract maxInFlight: number;
}

/** The broker the service is a client of. */
export abstract class BrokerLink {
  abstract readonly identity: ClientIdentity;
  /** client id of the service's own connection */
  abstract readonly clientId: string;
  /** Opens the connection; the client comes back unconnected and emits `connect`. */
  abstract open(): MqttClient;
}
