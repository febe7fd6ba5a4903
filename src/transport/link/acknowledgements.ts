import type { IPublishPacket, MqttClient } from 'mqtt';

/** A reply waits for its PUBACK, which leaves in the order of arrival, so long behind an earlier request. */
const REPLY_PATIENCE_MS = 250;

/** The part of MQTT.js 5.16.0 that its types leave out; pinned by `mqtt-contract.spec.ts`. */
interface PrivateClient {
  _sendPacket?(packet: { cmd: 'puback'; messageId: number; reasonCode: number }): void;
}

/** One for all: to make an error, with its stack, for each request took 3 % of the time. */
const LATER = new Error('acknowledged later');

/** A QoS 1 request that the broker waits for. */
export interface Unacknowledged {
  messageId: number;
  topic: string;
  payload: Buffer;
  isDone: boolean;
  isLost: boolean;
  reply?: () => void;
}

/**
 * Acknowledges QoS 1 requests when they are done instead of when they arrive: PUBACK and reply leave together, in
 * the order of arrival [MQTT-4.6.0-2], on the connection that the request came over.
 *
 * MQTT.js sends a PUBACK when the callback of `handleMessage` is called, and reads nothing, pings neither, before
 * that. An error in the callback makes it go on without the PUBACK.
 */
export class Acknowledgements {
  private readonly sender: PrivateClient;
  private readonly queue: Unacknowledged[] = [];
  private queuedBytes = 0;
  /** of connections that broke; the broker sends each again under its message id */
  private readonly lost = new Map<number, Unacknowledged>();
  private isOpen = false;
  private isStuck = false;
  private patience?: NodeJS.Timeout;
  private watched?: Unacknowledged;

  /** @param mayWrite `false` while an event, which goes before its PUBACK, or a reply would have to wait */
  constructor(
    client: MqttClient,
    private readonly mayWrite: () => boolean,
  ) {
    this.sender = client as unknown as PrivateClient;
    if (!this.sender._sendPacket) {
      throw new Error('This version of mqtt cannot acknowledge after the work: 5.16.0 can');
    }
    client.handleMessage = (packet, done) => (packet.qos === 0 ? done() : done(LATER));
    client.on('connect', ({ sessionPresent }) => this.open(sessionPresent));
    client.on('close', () => this.close());
  }

  /** How many the broker waits for. */
  get size(): number {
    return this.queue.length;
  }

  /** Of their payloads, which tell what comes again. */
  get bytes(): number {
    return this.queuedBytes;
  }

  /** @returns `undefined` for what came before: it is in work, or done */
  take(packet: IPublishPacket): Unacknowledged | undefined {
    const { messageId, topic, payload, dup } = packet;
    const earlier = this.lost.get(messageId!);
    this.lost.delete(messageId!);
    if (earlier && isSame(earlier, packet)) {
      earlier.isLost = false;
      this.add(earlier);
      this.flush();
      return undefined;
    }
    // Some brokers do not wait for a new connection to send again.
    if (dup && this.queue.some((request) => isSame(request, packet))) return undefined;
    const request = {
      messageId: messageId!,
      topic,
      payload: payload as Buffer,
      isDone: false,
      isLost: false,
    };
    this.add(request);
    this.watchFirst();
    return request;
  }

  /** The request is done; `reply` publishes its answer. */
  settle(request: Unacknowledged, reply: () => void): void {
    request.isDone = true;
    // Without its connection there is no PUBACK to wait for; the reply is kept for the next one.
    if (request.isLost || this.isStuck) reply();
    else request.reply = reply;
    this.flush();
  }

  /** Not before MQTT.js has sent the events again that the last connection left: an event goes before its PUBACK. */
  private open(sessionPresent: boolean): void {
    this.isOpen = true;
    if (!sessionPresent) this.lost.clear();
    this.flush();
  }

  private close(): void {
    const hadConnection = this.isOpen || this.queue.length > 0;
    if (!hadConnection) return;
    this.isOpen = false;
    for (const [messageId, request] of this.lost) if (request.isDone) this.lost.delete(messageId);
    this.queuedBytes = 0;
    for (const request of this.queue.splice(0)) {
      request.isLost = true;
      this.lost.set(request.messageId, request);
      release(request);
    }
    this.watchFirst();
  }

  private add(request: Unacknowledged): void {
    this.queue.push(request);
    this.queuedBytes += request.payload.length;
  }

  /** Writes what is done, as far as nothing that came earlier is still in work. */
  flush(): void {
    while (this.isOpen && this.mayWrite() && this.queue[0]?.isDone) {
      const request = this.queue.shift()!;
      this.queuedBytes -= request.payload.length;
      this.sender._sendPacket?.({ cmd: 'puback', messageId: request.messageId, reasonCode: 0 });
      release(request);
    }
    this.watchFirst();
  }

  /** One request that takes long, on a locked row for instance, is not to keep all other clients waiting. */
  private watchFirst(): void {
    const [first] = this.queue;
    if (first === this.watched) return;
    this.watched = first;
    this.isStuck = false;
    if (!first) return;
    // One timer for all: it may end when nothing is watched any more.
    this.patience ??= setTimeout(() => {
      this.isStuck = this.watched !== undefined;
      if (this.isStuck) this.queue.forEach(release);
    }, REPLY_PATIENCE_MS).unref();
    this.patience.refresh();
  }
}

function isSame(request: Unacknowledged, { messageId, topic, payload }: IPublishPacket): boolean {
  return (
    request.messageId === messageId && request.topic === topic && request.payload.equals(payload as Buffer)
  );
}

function release(request: Unacknowledged): void {
  request.reply?.();
  request.reply = undefined;
}
