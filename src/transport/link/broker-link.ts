import type { IClientPublishOptions, MqttClient } from 'mqtt';
import type { ClientIdentity } from './client-identity.js';

/** MQTT.js describes each packet to its log several times, for nobody: a tenth of all that is allocated. */
export const NO_LOG = (): void => {};

/** Message Expiry Interval has four bytes (MQTT 5 section 3.3.2.3.3). */
const MAX_EXPIRY_S = 2 ** 32 - 1;

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
    if (expiresAt === undefined || Number.isNaN(expiresAt)) return { topic };
    const seconds = Math.ceil((expiresAt - Date.now()) / 1_000);
    // One that is over is still for subscribers that are online, and must not wait for the others.
    return { topic, properties: { messageExpiryInterval: Math.min(Math.max(seconds, 1), MAX_EXPIRY_S) } };
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
