import { Logger } from '@nestjs/common';
import type { IClientPublishOptions, MqttClient } from 'mqtt';

/** What the broker takes unacknowledged where it names no Receive Maximum (MQTT 5 section 3.2.2.3.3). */
const DEFAULT_RECEIVE_MAXIMUM = 65_535;
/** More than a PUBLISH has beside topic, payload and correlation data. */
const HEADER_BYTES = 64;

interface Message {
  topic: string;
  payload: string;
  options: IClientPublishOptions;
}

/**
 * What the service publishes, in the order of the calls. Heeds what MQTT.js does not: the broker's Receive Maximum,
 * and its Maximum Packet Size, over which it would cut the service off, and again after each reconnect. Keeps what is
 * published without a connection, since MQTT.js forgets some of that when the next connection breaks early.
 */
export class Outgoing {
  private readonly logger = new Logger('Broker');
  private readonly queue: Message[] = [];
  private readonly told = new Set<string>();
  private unacknowledged = 0;
  private isOpen = false;

  /** @param onDrained nothing waits any more */
  constructor(
    private readonly client: MqttClient,
    private readonly onDrained: () => void,
  ) {
    client.on('connect', () => {
      this.isOpen = true;
      this.sendWaiting();
    });
    client.on('close', () => (this.isOpen = false));
  }

  /** Whether something waits for a connection, or for the broker to acknowledge what was sent before. */
  get isWaiting(): boolean {
    return this.queue.length > 0;
  }

  /** Whether the broker takes a packet of this size. */
  fits(topic: string, payload: string, { properties }: IClientPublishOptions): boolean {
    const limit = this.client.serverProperties?.maximumPacketSize;
    if (limit === undefined) return true;
    const data = properties?.correlationData?.length ?? 0;
    return Buffer.byteLength(topic) + Buffer.byteLength(payload) + data + HEADER_BYTES <= limit;
  }

  publish(topic: string, payload: string, options: IClientPublishOptions): void {
    this.queue.push({ topic, payload, options });
    this.sendWaiting();
  }

  private sendWaiting(): void {
    const limit = this.client.serverProperties?.receiveMaximum ?? DEFAULT_RECEIVE_MAXIMUM;
    while (this.isOpen && this.queue.length > 0 && this.unacknowledged < limit)
      this.send(this.queue.shift()!);
  }

  private send({ topic, payload, options }: Message): void {
    if (options.qos === 0) {
      this.client.publish(topic, payload, options, () => {});
      return;
    }
    this.unacknowledged++;
    this.client.publish(topic, payload, options, (error) => {
      this.unacknowledged--;
      if (error && this.isOpen) this.tell(topic, error);
      if (!this.isWaiting) return;
      this.sendWaiting();
      if (!this.isWaiting) this.onDrained();
    });
  }

  /** Once for each kind of topic: the broker's ACL is wrong for all of them. */
  private tell(topic: string, error: Error): void {
    const kind = topic.split('/', 2).join('/');
    if (this.told.has(kind)) return;
    this.told.add(kind);
    this.logger.error(`The broker refuses what is published below ${kind}: ${error.message}`);
  }
}
