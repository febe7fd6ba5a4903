import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import type { Envelope } from '../protocol/envelope.js';
import { REQUEST_TOPIC } from '../protocol/topics.js';

const PROBE_MS = 5_000;

/**
 * The way of a request from the broker to the service: a subscription that was granted as asked, and a probe of
 * our own that came back on it. A connection alone proves neither.
 */
export class RequestPath {
  private readonly nonce = randomUUID();
  private onProbe: () => void = () => {};
  private opened = false;

  constructor(
    private readonly client: MqttClient,
    private readonly filter: string,
  ) {
    client.on('close', () => this.close());
  }

  get isOpen(): boolean {
    return this.opened;
  }

  /** @throws where the subscription is refused or weakened, and where the probe does not come back */
  async open(): Promise<void> {
    const [granted] = await this.client.subscribeAsync(this.filter, { qos: 1 });
    if (granted?.qos !== 1) {
      throw new Error(`The broker grants QoS ${granted?.qos} instead of 1 for ${this.filter}`);
    }
    await new Promise<void>((resolve, reject) => {
      const error = new Error(`A probe on ${REQUEST_TOPIC} did not come back`);
      const timer = setTimeout(() => reject(error), PROBE_MS);
      this.onProbe = () => {
        clearTimeout(timer);
        resolve();
      };
      this.client.publish(REQUEST_TOPIC, JSON.stringify({ action: '$probe', nonce: this.nonce }));
    });
    this.opened = true;
  }

  close(): void {
    this.opened = false;
  }

  /** Whether a request of the service's own connection is the probe, which then has arrived. */
  takes(request: Envelope): boolean {
    if (request.body.nonce !== this.nonce) return false;
    this.onProbe();
    return true;
  }
}
