import type { Socket } from 'node:net';
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet';
import type { FilterSet } from '../subscriptions/event-index.js';
import type { AedesClient } from './aedes-client.js';

/** A client that takes nothing for so long while this much waits in its connection does not read. */
const STUCK_MS = 2_000;
const STUCK_BYTES = 1_048_576;
/** Nobody may have more waiting, however fast it reads. */
const MAX_WAITING_BYTES = 32 * 1_048_576;
/** What can wait elsewhere waits there while so much waits in the connection. */
const ROOM_BYTES = 262_144;

export interface Reply {
  topic: string;
  payload: string | Buffer;
  /** at most; the subscription may be lower */
  qos: number;
}

export interface Publication {
  topic: string;
  payload: string | Buffer;
  qos: number;
  /** the next free one unless told */
  messageId?: number;
  /** it was sent before */
  dup?: boolean;
}

/** What Node keeps behind a socket; pinned by `outbox.spec.ts`. */
interface Handle {
  /** that were given to the system, or wait there */
  bytesWritten: number;
  /** that wait in the system */
  writeQueueSize: number;
}

/** What the broker itself writes to a client, past Aedes: acknowledgements, replies and events. */
export class Outbox {
  /** while much is waiting: what the client had taken, and since when it has taken nothing more */
  private progress?: { mark: string; at: number };

  /** @param filters those that the client holds */
  constructor(
    private readonly client: AedesClient,
    private readonly filters: FilterSet,
  ) {}

  /** Several packets in one write. */
  together(write: () => void): void {
    this.client.conn.cork();
    write();
    this.client.conn.uncork();
  }

  acknowledge(qos: number, messageId: number): void {
    this.write({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId } as Packet);
  }

  /** A client that has not subscribed to its reply topic does not want the reply. */
  deliver({ topic, payload, qos: highest }: Reply): void {
    const granted = this.filters.grantedQos(topic);
    if (granted !== undefined) this.publish({ topic, payload, qos: Math.min(highest, granted) });
  }

  publish({ topic, payload, qos, messageId, dup = false }: Publication): void {
    if (!this.canWrite()) return;
    const packet = { cmd: 'publish', topic, payload, qos, retain: false, dup } as IPublishPacket;
    if (qos > 0) packet.messageId = messageId ?? this.nextMessageId();
    this.write(packet);
  }

  get hasRoom(): boolean {
    return this.client.conn.writableLength < ROOM_BYTES;
  }

  /** Whether the client may get a packet; one that has stopped reading is cut off, and holds up nobody. */
  canWrite(): boolean {
    const { conn } = this.client;
    const waiting = conn.writableLength;
    if (waiting <= STUCK_BYTES) {
      this.progress = undefined;
      return true;
    }
    // The socket's own `bytesWritten` adds up all that waits, at each look: 20,000 events in a row took 10 s.
    const { _handle } = conn as Socket & { _handle?: Handle | null };
    const mark = `${_handle?.bytesWritten} ${_handle?.writeQueueSize}`;
    const now = performance.now();
    if (mark !== this.progress?.mark) this.progress = { mark, at: now };
    if (waiting <= MAX_WAITING_BYTES && now - this.progress.at <= STUCK_MS) return true;
    this.client.emit('error', new Error(`the client does not read, ${waiting} bytes are waiting`));
    return false;
  }

  /** Aedes's own counter, so that replies and events never share an id. */
  private nextMessageId(): number {
    const id = this.client._nextId;
    this.client._nextId = id + 1;
    return id;
  }

  private write(packet: Packet): void {
    mqttPacket.writeToStream(packet, this.client.conn);
  }
}
