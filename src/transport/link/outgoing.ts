import type { Writable } from 'node:stream';
import { Logger } from '@nestjs/common';
import type { IClientPublishOptions, MqttClient, Packet } from 'mqtt';
import { shown } from '../../protocol/shown.js';
import { Tally } from '../tally.js';
import { isRenewed, renewConnection, riskConnection } from './drain.js';
import { RefusedTopics } from './refused-topics.js';
import { removeAt, SentPackets } from './sent-packets.js';

/** What the broker takes unacknowledged where it names no Receive Maximum (MQTT 5 section 3.2.2.3.3). */
const DEFAULT_RECEIVE_MAXIMUM = 65_535;
/** More than a PUBLISH has beside topic, payload and correlation data. */
const HEADER_BYTES = 64;
/** Length of a string or of binary data, which has two bytes (MQTT 5 section 1.5). */
const MAX_FIELD_BYTES = 65_535;
/** Remaining Length, which has four bytes of seven bits (section 1.5.5). */
const MAX_PACKET_BYTES = 268_435_455;
const MAX_UTF8_BYTES = 3;
/** Connections in a row that end with the same first message unacknowledged, before one is tried without it. */
const MAX_STRIKES = 3;
/** Malformed Packet, Protocol Error, Topic Name invalid, Packet too large, Quota exceeded, Payload format invalid. */
const PUNISHMENTS = new Set([129, 130, 144, 149, 151, 153]);
/** No broker refuses a payload for its size below this. */
const SMALL = 16_384;
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
  /** connections may end over it: it is sent alone, over a connection that is known to work */
  isSuspect: boolean;
}

/**
 * What the service publishes, in the order of the calls. Heeds what MQTT.js does not: the broker's Receive Maximum,
 * and its Maximum Packet Size, over which it would cut the service off, and again after each reconnect. Keeps what is
 * published without a connection, since MQTT.js forgets some of that when the next connection breaks early.
 *
 * A message that the broker answers by ending the connection, with a reason or without, is dropped, see `ended`.
 */
export class Outgoing {
  private readonly logger = new Logger('Broker');
  private readonly queue: Message[] = [];
  /** in the order of sending */
  private readonly unacknowledged: Message[] = [];
  private readonly told = new Set<string>();
  private readonly onFlushed: (() => void)[] = [];
  private readonly refused = new RefusedTopics();
  private readonly unsent = new Tally<string>((count, topic) => {
    const others = count > 1 ? `, like ${count - 1} before it` : '';
    this.logger.error(`A message on ${shown(topic)} is not sent: the broker cannot carry it${others}`);
  });
  private isOpen = false;
  private limits: { maximumPacketSize?: number; receiveMaximum?: number } = {};
  /** whether the broker takes what is published over the present connection; `undefined` before its CONNACK */
  private isProven?: boolean;
  private wasPunished = false;
  private strikes = 0;
  private first?: Message;
  /** of all payloads that were acknowledged */
  private largest = SMALL;

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
    client.on('packetreceive', (packet) => this.received(packet));
    client.on('connect', ({ properties }) => {
      this.isOpen = true;
      this.limits = properties ?? {};
      this.advance();
    });
    client.on('disconnect', ({ reasonCode }) => {
      this.wasPunished = PUNISHMENTS.has(reasonCode ?? 0);
    });
    client.on('close', () => {
      this.isOpen = false;
      if (this.isProven !== undefined && this.isOverMessage) this.ended(this.isProven);
      this.isProven = undefined;
      this.wasPunished = false;
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

  /** Whether MQTT has room for a message, and the broker takes its size, as far as the broker has said or shown. */
  fits(topic: string, payload: string, properties?: Properties): boolean {
    if (this.refused.isTooLarge(topic, payload.length)) return false;
    const data = properties?.correlationData?.length ?? 0;
    if (data > MAX_FIELD_BYTES || !isWithin(MAX_FIELD_BYTES, topic)) return false;
    const limit = Math.min(this.limits.maximumPacketSize ?? MAX_PACKET_BYTES, MAX_PACKET_BYTES);
    return isWithin(limit - data - HEADER_BYTES, topic, payload);
  }

  /** Called when a message has passed the broker over this connection: a PUBACK says so, or our own probe that comes back. */
  prove(): void {
    if (this.isProven !== false) return;
    this.isProven = true;
    this.advance();
  }

  publish(topic: string, payload: string, qos: 0 | 1, properties?: Properties): void {
    const message = {
      topic,
      payload,
      qos: Math.min(qos, this.maxQos) as 0 | 1,
      properties,
      isSuspect: false,
    };
    this.queue.push(message);
    this.sendWaiting();
  }

  /** Resolves when all is sent and acknowledged. */
  async flushed(): Promise<void> {
    if (this.queue.length > 0 || this.unacknowledged.length > 0) {
      await new Promise<void>((resolve) => this.onFlushed.push(resolve));
    }
  }

  private get isFull(): boolean {
    const { length, 0: first } = this.unacknowledged;
    return length >= (this.limits.receiveMaximum ?? DEFAULT_RECEIVE_MAXIMUM) || first?.isSuspect === true;
  }

  /**
   * Whether the connection that has just ended may have ended over a message. A broker with MQTT 5 says so; MQTT 3.1.1
   * knows no reasons.
   */
  private get isOverMessage(): boolean {
    const { client } = this;
    if (client.disconnecting || isRenewed(client)) return false;
    return client.options.protocolVersion !== 5 || this.wasPunished || hasFailedHere(client);
  }

  private sendWaiting(): void {
    while (this.isOpen && !this.client.disconnecting && !this.isFull) {
      if (this.queue[0]?.isSuspect && !this.isProven) break;
      const message = this.queue.shift();
      if (!message) break;
      this.send(message);
    }
  }

  private send(message: Message): void {
    const { topic, payload, properties } = message;
    // The limits may be others than when it was published, and nothing was known before the first connection.
    if (this.refused.has(topic, payload.length) || !this.fits(topic, payload, properties)) {
      return this.unsent.add(topic);
    }
    if (message.isSuspect) riskConnection(this.client);
    const { stream } = this.client;
    const wasWritable = !stream.destroyed;
    try {
      this.write(message);
    } catch (error) {
      return this.unwritable(message, error);
    }
    // The writer of MQTT.js destroys the stream at a packet that it cannot encode, and tells nobody why. A socket that
    // the broker has ended is destroyed by a write as well, with EPIPE: that message is sent again.
    if (wasWritable && stream.destroyed && hasFailedHere(this.client)) this.unwritable(message);
  }

  private write(message: Message): void {
    const { topic, payload, qos, properties } = message;
    // MQTT.js spreads them over its defaults; see "Memory" in docs/decisions.md.
    const options = properties ? { qos, properties } : { qos };
    if (qos === 0) {
      this.client.publish(topic, payload, options, () => {});
      return;
    }
    this.unacknowledged.push(message);
    try {
      this.client.publish(topic, payload, options, (error) => this.acknowledged(message, error));
    } finally {
      message.messageId = this.client.getLastMessageId();
    }
  }

  private acknowledged(message: Message, error: Error | undefined | null): void {
    removeAt(this.unacknowledged, this.unacknowledged.indexOf(message));
    if (!error) this.largest = Math.max(this.largest, message.payload.length);
    if (error && this.isOpen && !this.client.disconnecting) this.tell(message.topic, error);
    this.advance();
  }

  private advance(): void {
    this.sendWaiting();
    if (this.hasRoom) this.onRoom();
    if (this.queue.length > 0 || this.unacknowledged.length > 0) return;
    for (const resolve of this.onFlushed.splice(0)) resolve();
  }

  private received(packet: Packet): void {
    if (packet.cmd === 'connack') {
      this.isProven = packet.reasonCode || packet.returnCode ? undefined : false;
    } else if (packet.cmd === 'puback') {
      this.prove();
    }
  }

  /**
   * Looks for the message over which connections end. MQTT.js sends what is unacknowledged again one by one, so a
   * connection that ends before anything has passed ended over the first message, or over something else: after three
   * of them that message waits until another one has passed, and is then sent alone. If that connection ends too before
   * the message is acknowledged, the message is the cause. A network or a broker that fails for a while loses no message,
   * also if it fails at each PUBLISH: nothing passes then.
   */
  private ended(isProven: boolean): void {
    const [first] = this.unacknowledged;
    if (first?.isSuspect && isProven) return this.drop(first);
    this.strikes = !first || isProven ? 0 : first === this.first ? this.strikes + 1 : 1;
    this.first = first;
    // Where one message is found or suspected there are often more, each of which costs everybody time.
    const isLikely = this.queue[0]?.isSuspect || !this.refused.isEmpty;
    if (!first || this.strikes < (isLikely ? 1 : MAX_STRIKES)) return;
    first.isSuspect = true;
    const others = this.queue.findIndex(({ isSuspect }) => !isSuspect);
    this.queue.splice(others < 0 ? this.queue.length : others, 0, first);
    this.forget(first);
  }

  private drop({ topic, payload }: Message): void {
    this.logger.error(
      `The broker ends each connection over a message on ${shown(topic)}: it is not sent again, nor are others there for an hour`,
    );
    // Smaller messages on the topic may pass, unless as large a one has passed elsewhere.
    const length = payload.length > this.largest ? payload.length : 0;
    this.refused.add(topic, length);
    for (const message of this.unacknowledged.slice()) {
      if (this.refused.has(message.topic, message.payload.length)) this.forget(message);
    }
  }

  private unwritable(message: Message, error?: unknown): void {
    const { topic } = message;
    const why = error instanceof Error ? `: ${error.message}` : '';
    this.logger.error(`A message on ${shown(topic)} cannot be written and is not sent${why}`);
    // Half of the packet may have been written. The built-in broker has no connection that could end.
    renewConnection(this.client);
    if (this.client.stream.destroyed) this.isOpen = false;
    if (message.qos > 0) this.forget(message);
  }

  /** MQTT.js does not send it again. */
  private forget({ messageId }: Message): void {
    if (messageId !== undefined) this.client.removeOutgoingMessage(messageId);
  }

  /** Once for each kind of topic: the broker's ACL is wrong for all of them. */
  private tell(topic: string, error: Error): void {
    const kind = topic.split('/', 2).join('/');
    if (this.told.has(kind)) return;
    this.told.add(kind);
    this.logger.error(`The broker refuses what is published below ${kind}: ${error.message}`);
  }
}

/** Whether the writer of MQTT.js ended the connection: errors of the network have a code. */
function hasFailedHere({ stream }: MqttClient): boolean {
  const { errored } = stream as unknown as Writable;
  return errored instanceof Error && !('code' in errored);
}

/** Whether texts have at most so many bytes, which is not counted if their length says it. */
function isWithin(limit: number, text: string, more = ''): boolean {
  if ((text.length + more.length) * MAX_UTF8_BYTES <= limit) return true;
  return Buffer.byteLength(text) + Buffer.byteLength(more) <= limit;
}
