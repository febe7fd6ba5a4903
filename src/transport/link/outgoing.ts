import { Logger } from '@nestjs/common';
import type { IClientPublishOptions, MqttClient } from 'mqtt';
import { shown } from '../../protocol/shown.js';
import { removeAt, SentPackets } from './sent-packets.js';

/** What the broker takes unacknowledged where it names no Receive Maximum (MQTT 5 section 3.2.2.3.3). */
const DEFAULT_RECEIVE_MAXIMUM = 65_535;
/** More than a PUBLISH has beside topic, payload and correlation data. */
const HEADER_BYTES = 64;
/** Connections in a row that the broker ends, saying so, before the same message is acknowledged: it is the cause. */
const MAX_STRIKES = 5;
/** MQTT 3.1.1 brokers do not say why, and the network may end a connection too. */
const MAX_STRIKES_WITHOUT_REASON = 50;
/** Malformed Packet, Protocol Error, Topic Name invalid, Packet too large, Quota exceeded, Payload format invalid. */
const PUNISHMENTS = new Set([129, 130, 144, 149, 151, 153]);
/** Messages that may wait before QoS 0 requests, which add to them, are not executed any more. */
const CONGESTED = 1_024;

type Properties = IClientPublishOptions['properties'];

interface Message {
  topic: string;
  payload: string;
  qos: 0 | 1;
  properties: Properties;
  /** once it is sent */
  messageId?: number;
}

/**
 * What the service publishes, in the order of the calls. Heeds what MQTT.js does not: the broker's Receive Maximum,
 * and its Maximum Packet Size, over which it would cut the service off, and again after each reconnect. Keeps what is
 * published without a connection, since MQTT.js forgets some of that when the next connection breaks early.
 */
export class Outgoing {
  private readonly logger = new Logger('Broker');
  private readonly queue: Message[] = [];
  /** in the order of sending */
  private readonly unacknowledged: Message[] = [];
  private readonly told = new Set<string>();
  private readonly onFlushed: (() => void)[] = [];
  private isOpen = false;
  private limits: { maximumPacketSize?: number; receiveMaximum?: number } = {};
  private wasPunished = false;
  private strikes = 0;
  private suspect?: Message;

  /**
   * @param onRoom what is published now leaves now
   * @param maxQos of all messages
   */
  constructor(
    private readonly client: MqttClient,
    private readonly onRoom: () => void,
    private readonly maxQos: 0 | 1 = 1,
  ) {
    client.outgoingStore = new SentPackets();
    client.on('connect', ({ properties }) => {
      this.isOpen = true;
      this.limits = properties ?? {};
      this.sendWaiting();
    });
    client.on('disconnect', ({ reasonCode }) => {
      this.wasPunished = PUNISHMENTS.has(reasonCode ?? 0);
    });
    client.on('close', () => {
      this.isOpen = false;
      this.dropWhatEndsConnections();
    });
  }

  /** Whether what is published now leaves now: there is a connection, and the broker takes one more. */
  get hasRoom(): boolean {
    return this.isOpen && !this.client.disconnecting && this.queue.length === 0 && !this.isFull;
  }

  /** Whether so much waits that nobody is to add to it who need not be answered. */
  get isCongested(): boolean {
    return this.queue.length > CONGESTED;
  }

  /** Whether the broker takes a packet of this size, as far as its last connection said. */
  fits(topic: string, payload: string, properties?: Properties): boolean {
    const limit = this.limits.maximumPacketSize;
    if (limit === undefined) return true;
    const data = properties?.correlationData?.length ?? 0;
    return Buffer.byteLength(topic) + Buffer.byteLength(payload) + data + HEADER_BYTES <= limit;
  }

  publish(topic: string, payload: string, qos: 0 | 1, properties?: Properties): void {
    this.queue.push({ topic, payload, qos: Math.min(qos, this.maxQos) as 0 | 1, properties });
    this.sendWaiting();
  }

  /** Resolves when all is sent and acknowledged. */
  async flushed(): Promise<void> {
    if (this.queue.length > 0 || this.unacknowledged.length > 0) {
      await new Promise<void>((resolve) => this.onFlushed.push(resolve));
    }
  }

  private get isFull(): boolean {
    return this.unacknowledged.length >= (this.limits.receiveMaximum ?? DEFAULT_RECEIVE_MAXIMUM);
  }

  private sendWaiting(): void {
    while (this.isOpen && !this.client.disconnecting && !this.isFull) {
      const message = this.queue.shift();
      if (!message) break;
      this.send(message);
    }
  }

  private send(message: Message): void {
    const { topic, payload, qos, properties } = message;
    // MQTT.js spreads them over its defaults; see "Memory" in docs/decisions.md.
    const options = properties ? { qos, properties } : { qos };
    if (qos === 0) {
      this.client.publish(topic, payload, options, () => {});
      return;
    }
    this.unacknowledged.push(message);
    this.client.publish(topic, payload, options, (error) => this.acknowledged(message, error));
    message.messageId = this.client.getLastMessageId();
  }

  private acknowledged(message: Message, error: Error | undefined | null): void {
    removeAt(this.unacknowledged, this.unacknowledged.indexOf(message));
    if (error && this.isOpen && !this.client.disconnecting) this.tell(message.topic, error);
    this.sendWaiting();
    if (this.hasRoom) this.onRoom();
    if (this.queue.length > 0 || this.unacknowledged.length > 0) return;
    for (const resolve of this.onFlushed.splice(0)) resolve();
  }

  /** Brokers have limits that they do not tell; one message over such a limit is not to end the service for good. */
  private dropWhatEndsConnections(): void {
    if (this.client.disconnecting) return;
    const saysWhy = this.client.options.protocolVersion === 5;
    const isSuspicious = !saysWhy || this.wasPunished;
    this.wasPunished = false;
    if (!isSuspicious) return;
    const [first] = this.unacknowledged;
    this.strikes = first !== undefined && first === this.suspect ? this.strikes + 1 : 1;
    this.suspect = first;
    const most = saysWhy ? MAX_STRIKES : MAX_STRIKES_WITHOUT_REASON;
    if (this.strikes < most || first?.messageId === undefined) return;
    this.logger.error(
      `The broker ends each connection over a message on ${shown(first.topic)}: it is not sent again`,
    );
    this.client.removeOutgoingMessage(first.messageId);
  }

  /** Once for each kind of topic: the broker's ACL is wrong for all of them. */
  private tell(topic: string, error: Error): void {
    const kind = topic.split('/', 2).join('/');
    if (this.told.has(kind)) return;
    this.told.add(kind);
    this.logger.error(`The broker refuses what is published below ${kind}: ${error.message}`);
  }
}
