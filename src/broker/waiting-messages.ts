import { Readable } from 'node:stream';

/** A message, or the PUBREL that has taken its place. */
interface Waiting {
  brokerId?: string;
  brokerCounter?: number;
  messageId?: number;
  payload?: string | Buffer;
  topic?: string;
}

interface Queue {
  messages: Waiting[];
  bytes: number;
}

/** As many as Mosquitto keeps for a client unless told. */
const MAX_MESSAGES = 1_000;
const MAX_BYTES = 64 * 1_048_576;
/** A packet takes this much beside its topic and payload. */
const PACKET_BYTES = 300;

/**
 * Messages on ordinary topics at QoS 1 and 2 that clients with a stored session have not acknowledged. What all of them
 * may take together is bounded: the client with the most bytes loses its oldest message.
 */
export class WaitingMessages {
  private readonly queues = new Map<string, Queue>();
  private total = 0;

  /** @param packet a new one for each client, since it gets a message id of the client's */
  add(clientId: string, packet: Waiting): void {
    const queue = this.queues.get(clientId) ?? { messages: [], bytes: 0 };
    this.queues.set(clientId, queue);
    // The newest is dropped: the oldest may be in flight.
    if (queue.messages.length >= MAX_MESSAGES) return;
    queue.messages.push(packet);
    this.count(queue, sizeOf(packet));
    while (this.total > MAX_BYTES) this.dropOldest();
  }

  /** A message gets its message id, or is replaced by its PUBREL. Without effect if it was dropped. */
  update(clientId: string, packet: Waiting): void {
    const queue = this.queues.get(clientId);
    const sent = queue?.messages.find((waiting) => isSameMessage(waiting, packet));
    if (sent) {
      sent.messageId = packet.messageId;
      return;
    }
    const at = queue?.messages.findIndex((waiting) => hasSameId(waiting, packet)) ?? -1;
    if (at < 0) return;
    this.count(queue!, sizeOf(packet) - sizeOf(queue!.messages[at]!));
    queue!.messages[at] = packet;
  }

  /**
   * @param packet what the client has acknowledged, or a message that it may not have and that has no message id yet
   * @returns the message; `undefined` if it was dropped
   */
  remove(clientId: string, packet: Waiting): Waiting | undefined {
    const queue = this.queues.get(clientId);
    const isIt = packet.messageId === undefined ? isSameMessage : hasSameId;
    const at = queue?.messages.findIndex((waiting) => isIt(waiting, packet)) ?? -1;
    return at < 0 ? undefined : this.removeAt(clientId, queue!, at);
  }

  /** What waits for the client now, the oldest first. */
  of(clientId: string): Readable {
    return Readable.from([...(this.queues.get(clientId)?.messages ?? [])]);
  }

  /** Drops all that waits for the client. */
  clear(clientId: string): void {
    this.total -= this.queues.get(clientId)?.bytes ?? 0;
    this.queues.delete(clientId);
  }

  private dropOldest(): void {
    const [clientId, largest] = [...this.queues].reduce((a, b) => (b[1].bytes > a[1].bytes ? b : a));
    this.removeAt(clientId, largest, 0);
  }

  private removeAt(clientId: string, queue: Queue, at: number): Waiting {
    const [removed] = queue.messages.splice(at, 1);
    this.count(queue, -sizeOf(removed!));
    if (queue.messages.length === 0) this.queues.delete(clientId);
    return removed!;
  }

  private count(queue: Queue, bytes: number): void {
    queue.bytes += bytes;
    this.total += bytes;
  }
}

/** A PUBREL has neither of them. */
function isSameMessage(a: Waiting, b: Waiting): boolean {
  return a.brokerId !== undefined && a.brokerId === b.brokerId && a.brokerCounter === b.brokerCounter;
}

function hasSameId(a: Waiting, b: Waiting): boolean {
  return a.messageId === b.messageId;
}

function sizeOf({ topic = '', payload }: Waiting): number {
  return PACKET_BYTES + topic.length + (payload?.length ?? 0);
}
