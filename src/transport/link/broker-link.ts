import type { IClientPublishOptions, MqttClient } from 'mqtt';
import type { ClientIdentity } from './client-identity.js';

/** MQTT.js describes each packet to its log several times, for nobody: a tenth of all that is allocated. */
export const NO_LOG = (): void => {};

/** What a link tells the server. */
export interface LinkListener {
  /** A client that is on its way to the broker; it comes unconnected and emits `connect`. */
  opened(client: MqttClient): void;
  /** Another replica is connected; this one waits until it is gone. */
  standsBy(): void;
  /** Whether requests reach the service. */
  isServing(): boolean;
  /** The client of before is not to be used any more. Resolves when nothing that came over it is in work. */
  ended(): Promise<void>;
}

/** The broker the service is a client of. */
export abstract class BrokerLink {
  abstract readonly identity: ClientIdentity;
  /** client id of the service's own connection */
  abstract readonly clientId: string;
  /** group of a shared subscription */
  readonly sharedGroup?: string;
  /** of what the service publishes */
  readonly maxQos: 0 | 1 = 1;
  /** the broker keeps requests while the service is away, so that one that stops leaves them there */
  abstract readonly keepsRequests: boolean;
  /** what the broker sends again has DUP set and comes before anything new */
  abstract readonly redeliversFirst: boolean;
  /** requests that the broker may have open here; more are passed over until they come again */
  readonly maxUnacknowledged: number = Infinity;
  /** the service starts without the broker and waits for it */
  abstract readonly mayBeAway: boolean;

  /**
   * Where an event goes, and how.
   * @param expiresAt epoch milliseconds after which it is of no use to a client that was away
   */
  event(
    topic: string,
    expiresAt?: number,
  ): { topic: string; properties?: IClientPublishOptions['properties'] } {
    const seconds = expiresAt === undefined ? 0 : Math.ceil((expiresAt - Date.now()) / 1_000);
    return { topic, properties: seconds > 0 ? { messageExpiryInterval: seconds } : undefined };
  }

  /** where clients connect; `undefined` while nobody is let in */
  abstract readonly url: string | undefined;

  /** @throws where it cannot be used */
  abstract open(listener: LinkListener): Promise<void>;
  /**
   * Lets clients in, where that is for the service to do; called each time that requests have begun to reach it.
   * @throws where it cannot
   */
  async serve(): Promise<void> {}
  /**
   * Called whenever the service has taken a request or is done with one.
   * @param load bytes of requests that it has, in parts of what it may have; from 1 on it is to get no more
   */
  update(_load: number): void {}
  /** Called after the client has ended. */
  abstract close(): Promise<void>;
}
