import { randomUUID } from 'node:crypto';
import type { AedesPublishPacket, PublishPacket } from 'aedes';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { linkedRequestTopic } from '../protocol/service-link.js';
import { matchesFilter } from '../protocol/topics.js';
import type { AedesClient } from './aedes-client.js';

/** Requests of one connection that are in work before it is read no further. */
const MAX_UNANSWERED = 64;
/** A client that lets this much pile up in its connection does not read; it is cut off. */
const MAX_BUFFERED_BYTES = 1_048_576;

interface Acknowledged {
  qos: number;
  messageId: number;
  /** there once the request is answered; it waits behind its acknowledgement */
  reply?: Reply;
}

interface Reply {
  topic: string;
  payload: string | Buffer;
  qos: number;
}

/**
 * One client's connection: its requests on the way in, their acknowledgements and replies on the way out.
 *
 * A request is taken over at QoS 0 (Aedes would acknowledge QoS 1 before the service has seen it) and
 * acknowledged with its reply, after the commit and in the order of arrival [MQTT-4.6.0-2].
 */
export class Connection {
  /** unguessable; sessions and replies are bound to it, not to the client id */
  readonly id = randomUUID();
  mayKeepSession = true;
  private readonly told = new Set<string>();
  private requests = 0;
  private unanswered = 0;
  private isPaused = false;
  private isEnding = false;
  private readonly unacknowledged = new Map<number, Acknowledged>();

  constructor(
    readonly client: AedesClient,
    readonly address: string,
  ) {}

  /** Rewrites a PUBLISH to `dh/request` into the request that the service gets. */
  take(packet: PublishPacket): void {
    const number = ++this.requests;
    const { qos, retain, messageId } = packet;
    packet.topic = linkedRequestTopic({
      connectionId: this.id,
      clientId: this.client.id,
      number,
      qos,
      retained: retain,
    });
    packet.qos = 0;
    packet.retain = false;
    delete packet.messageId;
    if (qos > 0) this.unacknowledged.set(number, { qos, messageId: messageId! });
    if (++this.unanswered > MAX_UNANSWERED) this.pause();
  }

  /** The service's reply to request `number`: acknowledges it and passes the reply on. */
  answer(number: number, topic: string, payload: string | Buffer): void {
    if (this.client.closed) return;
    const request = this.unacknowledged.get(number);
    const reply = { topic, payload, qos: request ? 1 : 0 };
    if (request) {
      request.reply = reply;
      this.releaseInOrder();
    } else {
      this.released(reply);
    }
  }

  /** @returns `true` the first time, so that a client that repeats a mistake fills no log */
  tellOnce(what: string): boolean {
    if (this.told.has(what)) return false;
    this.told.add(what);
    return true;
  }

  /** While paused nothing is read, pings neither, so the connection must not be taken for a dead one. */
  keepAlive(): void {
    if (this.isPaused) this.client._keepaliveTimer?.refresh();
  }

  /** Whether the client may get a packet; one that has stopped reading is cut off, and holds up nobody. */
  canWrite(): boolean {
    if (this.client.conn.writableLength <= MAX_BUFFERED_BYTES) return true;
    this.client.emit('error', new Error(`the client does not read, ${MAX_BUFFERED_BYTES} bytes are waiting`));
    return false;
  }

  /** Ends it where a request in work has lost its way to the service: its client asks again on the next one. */
  endIfUnanswered(): void {
    if (this.unanswered > 0) this.client.conn.destroy();
  }

  /** Reads nothing more, but still answers what was read. */
  stopReading(): void {
    this.isEnding = true;
    this.pause();
  }

  private pause(): void {
    this.isPaused = true;
    this.client.pause();
  }

  private releaseInOrder(): void {
    this.client.conn.cork();
    for (const [number, { qos, messageId, reply }] of this.unacknowledged) {
      if (!reply) break;
      this.unacknowledged.delete(number);
      this.write({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId } as Packet);
      this.released(reply);
    }
    this.client.conn.uncork();
  }

  private released(reply: Reply): void {
    this.deliver(reply);
    if (--this.unanswered > MAX_UNANSWERED || !this.isPaused || this.isEnding) return;
    this.isPaused = false;
    this.client._parsingBatch = 1;
    this.client.resume();
  }

  /** A client that has not subscribed to its reply topic does not want the reply. */
  private deliver({ topic, payload, qos: maxQos }: Reply): void {
    const granted = Object.entries(this.client.subscriptions)
      .filter(([filter]) => matchesFilter(filter, topic))
      .map(([, subscription]) => subscription.qos);
    if (granted.length === 0 || !this.canWrite()) return;
    const qos = Math.min(maxQos, Math.max(...granted));
    const packet = { cmd: 'publish', topic, payload, qos, retain: false, dup: false } as AedesPublishPacket;
    if (qos > 0) packet.messageId = this.nextMessageId();
    this.write(packet);
  }

  /** Aedes's own counter, so that replies and events never share an id. */
  private nextMessageId(): number {
    const id = this.client._nextId;
    this.client._nextId = id >= 65_535 ? 1 : id + 1;
    return id;
  }

  private write(packet: Packet): void {
    mqttPacket.writeToStream(packet, this.client.conn);
  }
}
