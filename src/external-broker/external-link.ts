import { setTimeout as delay } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import type { Leadership } from '../database/leadership.js';
import { BrokerLink, type LinkListener } from '../transport/link/broker-link.js';
import { type ClientIdentity, PropertyIdentity, TopicIdentity } from '../transport/link/client-identity.js';
import { endClient } from '../transport/link/drain.js';
import { openBrokerClient, windowOf } from './broker-client.js';
import type { ExternalBrokerOptions } from './external-broker.options.js';

/** A leader that no request reaches for so long gives others a chance. */
const USELESS_MS = 15_000;
const CHECK_MS = 1_000;
/** Times the window, which Mosquitto 2.0 exceeds: requests that wait here, a few kilobytes each. */
const OVERFLOW_FACTOR = 2;

/**
 * The service as a client of a broker of one's own. Replicas share a client id, and the one that leads connects: two
 * would throw each other out for ever (mqttjs/MQTT.js#684).
 */
export class ExternalLink extends BrokerLink {
  override readonly identity: ClientIdentity;
  override readonly clientId: string;
  override readonly sharedGroup?: string;
  override readonly keepsRequests: boolean;
  override readonly redeliversFirst: boolean;
  override readonly maxUnacknowledged: number;
  override readonly mayBeAway = true;
  private isClosing = false;
  private client?: MqttClient;

  constructor(
    private readonly options: ExternalBrokerOptions,
    private readonly leadership: Leadership,
  ) {
    super();
    const { clientId, sharedGroup, clientIdProperty } = options;
    this.clientId = clientId;
    this.sharedGroup = sharedGroup;
    this.maxUnacknowledged = windowOf(options) * OVERFLOW_FACTOR;
    // A member of a group hands over what comes from now on by leaving it.
    this.keepsRequests = sharedGroup === undefined;
    // [MQTT-3.3.1-1] and [MQTT-4.6.0-1]; what a group's dead member had comes like new.
    this.redeliversFirst = sharedGroup === undefined;
    this.identity = clientIdProperty ? new PropertyIdentity(clientIdProperty) : new TopicIdentity();
  }

  override get url(): string {
    return this.options.url;
  }

  override async open(listener: LinkListener): Promise<void> {
    void this.serveTerms(listener);
  }

  override async close(): Promise<void> {
    this.isClosing = true;
    await this.leadership.resign();
    // Of a term that was won after the server had ended that of the one before.
    if (this.client?.disconnecting === false) await endClient(this.client);
  }

  /** A client for each term: what the last one has not delivered is not to come out later. */
  private async serveTerms(listener: LinkListener): Promise<void> {
    while (!this.isClosing && (await this.leadership.win(() => listener.standsBy()))) {
      if (this.isClosing) return;
      const client = openBrokerClient(this.options);
      this.client = client;
      listener.opened(client);
      const term = new AbortController();
      await Promise.race([this.leadership.lost(), this.uselessness(listener, term.signal)]);
      term.abort();
      if (this.isClosing) return;
      // Not by force: Mosquitto reads no further where a write fails, maybe between a PUBACK and its reply.
      await endClient(client);
      await this.leadership.yield();
      // What is in work would else hold places that the next term needs.
      await listener.ended();
    }
  }

  /** Resolves when requests have not reached this replica for so long that another one had better try. */
  private async uselessness(listener: LinkListener, signal: AbortSignal): Promise<void> {
    let servedAt = performance.now();
    while (!signal.aborted) {
      await delay(CHECK_MS, undefined, { ref: false, signal }).catch(() => undefined);
      if (listener.isServing()) servedAt = performance.now();
      const isLate = performance.now() - servedAt > USELESS_MS;
      if (isLate && (await this.leadership.hasRival())) return;
    }
  }
}
