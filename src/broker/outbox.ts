import type { Socket } from 'node:net';
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet';
import { matchesFilter } from '../protocol/topics.js';
import type { AedesClient } from './aedes-client.js';

/** A client that takes nothing for so long while this much waits in its connection does not read. */
const STUCK_MS = 2_000;
const STUCK_BYTES = 1_048_576;
/** Nobody may have more waiting, however fast it reads. */
const MAX_WAITING_BYTES = 32 * 1_048_576;

export interface Reply {
  topic: string;
  payload: string | Buffer;
  /** at most; the subscription may be lower */
  qos: number;
}

/** What the broker itself writes to a client, past Aedes: acknowledgements and replies. */
export class Outbox {
  private progress = { mark: '', at: performance.now() };

  /** @param filters those that the client holds */
  constructor(
    private readonly client: AedesClient,
    private readonly filters: ReadonlySet<string>,
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
    const granted = this.grantedQos(topic);
    if (granted === undefined || !this.canWrite()) return;
    const qos = Math.min(highest, granted) as 0 | 1;
    const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos, retain: false, dup: false };
    if (qos > 0) packet.messageId = this.nextMessageId();
    this.write(packet);
  }

  /** Whether the client may get a packet; one that has stopped reading is cut off, and holds up nobody. */
  canWrite(): boolean {
    const { conn } = this.client;
    const waiting = conn.writableLength;
    const { bytesWritten, _handle } = conn as Socket & { _handle?: { writeQueueSize: number } | null };
    const mark = `${bytesWritten - waiting} ${_handle?.writeQueueSize}`;
    const now = performance.now();
    if (mark !== this.progress.mark || waiting <= STUCK_BYTES) this.progress = { mark, at: now };
    if (waiting <= MAX_WAITING_BYTES && now - this.progress.at <= STUCK_MS) return true;
    this.client.emit('error', new Error(`the client does not read, ${waiting} bytes are waiting`));
    return false;
  }

  /** The highest QoS among the filters that match; most clients subscribe to the very topic. */
  private grantedQos(topic: string): number | undefined {
    const { subscriptions } = this.client;
    let highest = subscriptions[topic]?.qos;
    for (const filter of this.filters) {
      if (!/[+#]/.test(filter) || !matchesFilter(filter, topic)) continue;
      const qos = subscriptions[filter]?.qos;
      if (qos !== undefined && qos > (highest ?? -1)) highest = qos;
    }
    return highest;
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
