/** Of one session; beyond it the oldest is dropped. */
const MAX_EVENTS = 20_000;
const MAX_BYTES = 16 * 1_048_576;
/** Of what waits in all sessions together; beyond it the largest of the user who has most gives way. */
export const MAX_TOTAL_BYTES = 128 * 1_048_576;
/** On their way to a client at a time. What is there is not counted with what waits, and so is bounded in bytes, too. */
const WINDOW_EVENTS = 256;
const WINDOW_BYTES = 1_048_576;
/** Beside the texts: an entry of 300 bytes takes 500. */
const ENTRY_BYTES = 200;

/**
 * Message ids from here on are those of events to stored sessions, which are acknowledged one by one; whatever else is
 * sent to a client has one below.
 */
export const FIRST_EVENT_ID = 0x8000;
const EVENT_IDS = 0x7fff;

/** An event that a client gets at QoS 1, until it acknowledges it. */
export interface QueuedEvent {
  /** counts the session's events; with it the message id stays the same when it is sent again [MQTT-4.4.0-1] */
  seq: number;
  topic: string;
  payload: string;
  /** what the client wants behind the topic */
  suffix: string;
  /** epoch milliseconds after which it is not sent any more */
  expiresAt?: number;
  wasSent?: boolean;
}

export function messageIdOf({ seq }: QueuedEvent): number {
  return FIRST_EVENT_ID + (seq % EVENT_IDS);
}

/** The events of one session, in order: those on their way to the client, then those that wait. */
export class SessionQueue {
  private waiting = new Map<number, QueuedEvent>();
  private readonly sent = new Map<number, QueuedEvent>();
  private size = 0;
  private sentSize = 0;
  private lastSeq = 0;

  /** @param onWaiting told how many bytes more wait, below 0 how many less */
  constructor(private readonly onWaiting: (bytes: number) => void) {}

  /** With those on their way. */
  get bytes(): number {
    return this.size;
  }

  /** In the order in which they are sent. */
  get events(): QueuedEvent[] {
    return [...this.sent.values(), ...this.waiting.values()];
  }

  /** @returns the event with its number */
  add(event: Omit<QueuedEvent, 'seq'>): QueuedEvent {
    const queued = { seq: this.lastSeq + 1, ...event };
    this.restore(queued);
    return queued;
  }

  /** One that has its number already. */
  restore(event: QueuedEvent): void {
    this.lastSeq = event.seq;
    this.waiting.set(event.seq, event);
    this.size += bytesOf(event);
    this.onWaiting(bytesOf(event));
  }

  /**
   * Drops the oldest of those that wait.
   * @param bytes what is to be left
   * @returns those that were dropped
   */
  trim(bytes = MAX_BYTES): QueuedEvent[] {
    const dropped: QueuedEvent[] = [];
    for (const event of this.waiting.values()) {
      if (this.size <= bytes && this.waiting.size + this.sent.size <= MAX_EVENTS) break;
      this.remove(event);
      dropped.push(event);
    }
    return dropped;
  }

  /** The one to be sent next; none while as many as a client gets at a time are on their way. */
  next(): QueuedEvent | undefined {
    if (this.sent.size >= WINDOW_EVENTS || this.sentSize >= WINDOW_BYTES) return undefined;
    const event = this.waiting.values().next().value;
    return event && this.sent.has(messageIdOf(event)) ? undefined : event;
  }

  send(event: QueuedEvent): void {
    if (this.waiting.delete(event.seq)) this.onWaiting(-bytesOf(event));
    event.wasSent = true;
    this.sent.set(messageIdOf(event), event);
    this.sentSize += bytesOf(event);
  }

  /** @returns the event, which is gone now */
  acknowledge(messageId: number): QueuedEvent | undefined {
    const event = this.sent.get(messageId);
    if (!event) return undefined;
    this.sent.delete(messageId);
    this.size -= bytesOf(event);
    this.sentSize -= bytesOf(event);
    return event;
  }

  /** One that waits. */
  remove(event: QueuedEvent): void {
    if (!this.waiting.delete(event.seq)) return;
    this.size -= bytesOf(event);
    this.onWaiting(-bytesOf(event));
  }

  /** The connection is gone: what was not acknowledged is sent again, first. */
  interrupt(): void {
    for (const event of this.sent.values()) this.onWaiting(bytesOf(event));
    this.waiting = new Map(this.events.map((event) => [event.seq, event]));
    this.sent.clear();
    this.sentSize = 0;
  }
}

function bytesOf({ topic, payload }: QueuedEvent): number {
  return topic.length + payload.length + ENTRY_BYTES;
}
