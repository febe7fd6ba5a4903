import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { PROBE_ACTION, responseTopic } from '../../protocol/topics.js';
import { Tally } from '../tally.js';
import { Acknowledgements } from './acknowledgements.js';
import type { BrokerLink } from './broker-link.js';
import type { RequestOrigin } from './client-identity.js';
import { renewConnection, withDeadline } from './drain.js';
import { Outgoing } from './outgoing.js';
import { RequestPath } from './request-path.js';

const RETRY_MS = 5_000;
const UNSUBSCRIBE_MS = 1_000;
/**
 * Of all requests that are taken and not done, and of all that wait for their PUBACK. They take several times as much
 * memory: 25 clients with 64 updates of 900 kB each took more than a heap of 1 GB, and the process ended.
 */
const MAX_BYTES = 64 * 1_048_576;

/** What a channel tells the server. */
export interface ChannelListener {
  requested(delivery: Delivery): void;
  /** the request path works from end to end; called before requests that have waited for it go on */
  opened(): void;
  failed(error: unknown): void;
}

/** A request as the broker handed it over, and the ways to be done with it. One that is left alone comes again. */
export interface Delivery {
  channel: RequestChannel;
  packet: IPublishPacket;
  origin: RequestOrigin;
  /** gives the request back to the broker as done, together with what `reply` publishes */
  settle(reply: () => void): void;
}

/** The requests that come over one client of the broker, for as long as that client is used. */
export class RequestChannel {
  private readonly logger = new Logger('Requests');
  readonly unknownSenders = new Tally((count) =>
    this.logger.warn(
      `${count} requests of unknown senders were not executed: requests must ${this.link.identity.requirement}`,
    ),
  );
  readonly outgoing: Outgoing;
  private readonly path: RequestPath;
  private readonly acknowledgements: Acknowledgements;
  private waiting: ((isOpen: boolean) => void)[] = [];
  private connections = 0;
  private bytes = 0;
  private isWorking = false;
  private isOver = false;
  private isOverflowing = false;

  constructor(
    readonly client: MqttClient,
    private readonly link: BrokerLink,
    private readonly listener: ChannelListener,
  ) {
    this.path = new RequestPath(client, link);
    const onRoom = () => {
      this.acknowledgements.flush();
      this.askAgain();
    };
    this.outgoing = new Outgoing(client, onRoom, link.maxQos);
    this.acknowledgements = new Acknowledgements(client, () => this.outgoing.hasRoom);
    client.on('connect', () => void this.open());
    client.on('close', () => {
      this.connections++;
      this.isWorking = false;
      this.isOverflowing = false;
    });
    client.on('message', (_topic, _payload, packet) => this.receive(packet));
  }

  /** Connected, subscribed, and a request of our own has come back through the broker. */
  get isOpen(): boolean {
    return this.isWorking;
  }

  /** Whether no request that came over it is to be begun any more. */
  get isClosed(): boolean {
    return this.isOver;
  }

  /** Whether it has as many bytes of requests as it may. */
  get isFull(): boolean {
    return this.bytes >= MAX_BYTES;
  }

  /** @param bytes of a request that is taken; below 0 of one that is done */
  hold(bytes: number): void {
    this.bytes += bytes;
    this.link.update(this.bytes / MAX_BYTES);
    this.askAgain();
  }

  /** Has the broker send no more requests here. */
  async unsubscribe(): Promise<void> {
    if (this.client.connected)
      await withDeadline(this.client.unsubscribeAsync(this.path.filter), UNSUBSCRIBE_MS);
  }

  /** Resolves when all that was published is acknowledged; without a connection nothing can be. */
  async flushed(): Promise<void> {
    if (this.client.connected) await this.outgoing.flushed();
  }

  /** Resolves when requests may be executed; `false` where the channel was closed before. */
  async whenOpen(): Promise<boolean> {
    if (this.isOver) return false;
    return this.isWorking || new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Whether a request is a probe: our own, or in a group that of another member, who is told that it came. */
  takesProbe(nonce: unknown, origin: RequestOrigin): boolean {
    if (this.path.takes(nonce, origin)) return true;
    if (!this.link.sharedGroup || !isNonce(nonce)) return false;
    this.outgoing.publish(responseTopic(PROBE_ACTION, origin.clientId), JSON.stringify({ nonce }), 0);
    return true;
  }

  /** No request that comes over it is begun any more. */
  close(): void {
    this.isOver = true;
    this.isWorking = false;
    this.tellWaiting(false);
  }

  /** After every connect: what was subscribed before may be gone with the connection. */
  private async open(): Promise<void> {
    const connection = this.connections;
    const isCurrent = () => connection === this.connections && !this.isOver;
    while (isCurrent()) {
      try {
        await this.path.open();
        if (!isCurrent()) return;
        this.isWorking = true;
        this.outgoing.prove();
        this.listener.opened();
        return this.tellWaiting(true);
      } catch (error) {
        if (!isCurrent()) return;
        this.listener.failed(error);
        await delay(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  private tellWaiting(isOpen: boolean): void {
    for (const tell of this.waiting.splice(0)) tell(isOpen);
  }

  private receive(packet: IPublishPacket): void {
    if (packet.topic === this.path.probeReplyTopic) return this.takeProbeReply(packet);
    if (packet.qos > 0 && this.overflows()) return;
    const unacknowledged = packet.qos > 0 ? this.acknowledgements.take(packet) : null;
    if (unacknowledged === undefined) return;
    const settle = (reply: () => void) => {
      if (!unacknowledged) return reply();
      this.acknowledgements.settle(unacknowledged, reply);
      this.askAgain();
    };
    const origin = this.link.identity.identify(packet);
    if (origin) return this.listener.requested({ channel: this, packet, origin, settle });
    this.unknownSenders.add();
    settle(() => {});
  }

  /**
   * Whether a request is passed over because too many wait. A broker that keeps to our Receive Maximum sends no more
   * than that; Mosquitto 2.0 sends ten times as many when its queue is long. Nobody keeps to a number of bytes.
   */
  private overflows(): boolean {
    const { size, bytes } = this.acknowledgements;
    this.isOverflowing ||= this.isFull || size >= this.link.maxUnacknowledged || bytes >= MAX_BYTES;
    return this.isOverflowing;
  }

  /** What was passed over comes again, in its order, with the next connection. */
  private askAgain(): void {
    const isDone = !this.isFull && this.acknowledgements.size === 0;
    if (this.isOverflowing && isDone) renewConnection(this.client);
  }

  private takeProbeReply({ payload }: IPublishPacket): void {
    try {
      this.path.takes((JSON.parse(payload.toString()) as { nonce?: unknown }).nonce, undefined);
    } catch {
      // Nobody else is meant to publish there, and who does so changes nothing.
    }
  }
}

/** Anybody may send a probe, and what is sent back is to fit into a packet. */
const isNonce = (nonce: unknown): nonce is string => typeof nonce === 'string' && nonce.length <= 64;
