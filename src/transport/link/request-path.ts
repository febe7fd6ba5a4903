import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import { PROBE_ACTION, responseTopic } from '../../protocol/topics.js';
import type { BrokerLink } from './broker-link.js';
import type { RequestOrigin } from './client-identity.js';

const ANSWER_MS = 5_000;

/**
 * The way of a request from the broker to the service: a subscription that was granted as asked, and a probe of
 * our own that came back as our own. A connection alone proves neither.
 */
export class RequestPath {
  /** In a group any member may get the probe, and answers it here. */
  readonly probeReplyTopic: string;
  private readonly nonce = randomUUID();
  private onProbe: (error?: Error) => void = () => {};

  constructor(
    private readonly client: MqttClient,
    private readonly link: BrokerLink,
  ) {
    this.probeReplyTopic = responseTopic(PROBE_ACTION, link.clientId);
  }

  /** What the service is subscribed to for requests. */
  get filter(): string {
    const { sharedGroup, identity } = this.link;
    return sharedGroup ? `$share/${sharedGroup}/${identity.filter}` : identity.filter;
  }

  /** @throws where a subscription is refused or weakened, and where the probe does not come back */
  async open(): Promise<void> {
    if (this.link.sharedGroup) await this.subscribe(this.probeReplyTopic, 0);
    await this.subscribe(this.filter, 1);
    const { topic, userProperties } = this.link.identity.probe(this.link.clientId);
    const probe = JSON.stringify({ action: PROBE_ACTION, nonce: this.nonce });
    const arrived = new Promise<void>((resolve, reject) => {
      this.onProbe = (error) => (error ? reject(error) : resolve());
      this.client.publish(
        topic,
        probe,
        { properties: userProperties && { userProperties } },
        (error) => error && reject(error),
      );
    });
    await inTime(
      arrived,
      `A probe on ${topic} did not come back: may this client publish there and read ${this.filter}?`,
    );
  }

  /** Whether a request is our own probe, which has arrived then, as its sender's who is `origin`. */
  takes(nonce: unknown, origin: RequestOrigin | undefined): boolean {
    if (nonce !== this.nonce) return false;
    const { clientId, identity } = this.link;
    const isOurs = origin === undefined || origin.clientId === clientId;
    this.onProbe(
      isOurs ? undefined : new Error(`Requests must ${identity.requirement}: a probe came without`),
    );
    return true;
  }

  /** One filter for each SUBSCRIBE: MQTT.js gives up all filters of a packet where one is refused. */
  private async subscribe(filter: string, qos: 0 | 1): Promise<void> {
    // Retained requests are not to come at all, and to be known where they do. MQTT 3.1.1 has no such options.
    const answer = this.client.subscribeAsync(filter, { qos, rap: true, rh: 2 });
    const [granted] = await inTime(answer, 'no answer').catch((error) => {
      throw new Error(`The broker refuses the subscription to ${filter}: ${error.message}`, {
        cause: error,
      });
    });
    if (granted?.qos === qos) return;
    await this.client.unsubscribeAsync(filter);
    throw new Error(`The broker grants QoS ${granted?.qos} instead of ${qos} for ${filter}`);
  }
}

/** @throws an error of that text where the promise takes too long */
async function inTime<T>(promise: Promise<T>, problem: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(problem)), ANSWER_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
