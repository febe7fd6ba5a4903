import { Injectable } from '@nestjs/common';
import { Leadership } from '../database/leadership.js';
import { BrokerLink, type LinkListener } from '../transport/link/broker-link.js';
import { type ClientIdentity, PropertyIdentity, TopicIdentity } from '../transport/link/client-identity.js';
import { openBrokerClient } from './broker-client.js';
import { ExternalBrokerOptions } from './external-broker.options.js';

/**
 * The service as a client of a broker of one's own. Replicas share a client id, and the one that leads connects: two
 * would throw each other out for ever (mqttjs/MQTT.js#684).
 */
@Injectable()
export class ExternalLink extends BrokerLink {
  override readonly identity: ClientIdentity;
  override readonly clientId: string;
  override readonly sharedGroup?: string;
  override readonly keepsRequests: boolean;
  override readonly mayBeAway = true;
  private isClosing = false;

  constructor(
    private readonly options: ExternalBrokerOptions,
    private readonly leadership: Leadership,
  ) {
    super();
    const { clientId, sharedGroup, clientIdProperty } = options;
    this.clientId = clientId;
    this.sharedGroup = sharedGroup;
    // A member of a group hands over what comes from now on by leaving it.
    this.keepsRequests = sharedGroup === undefined;
    this.identity = clientIdProperty ? new PropertyIdentity(clientIdProperty) : new TopicIdentity();
  }

  override open(listener: LinkListener): void {
    void this.serveTerms(listener);
  }

  override async close(): Promise<void> {
    this.isClosing = true;
    await this.leadership.resign();
  }

  /** A client for each term: what the last one has not delivered is not to come out later. */
  private async serveTerms(listener: LinkListener): Promise<void> {
    while (!this.isClosing && (await this.leadership.win(() => listener.standsBy()))) {
      if (this.isClosing) return;
      const client = openBrokerClient(this.options);
      listener.opened(client);
      await this.leadership.lost();
      if (this.isClosing) return;
      client.end(true);
      // What is in work would else run in the next term.
      await listener.ended();
    }
  }
}
