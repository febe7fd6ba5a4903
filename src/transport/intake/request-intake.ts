import { Logger } from '@nestjs/common';
import { overloaded, stopping } from '../../protocol/action-error.js';
import type { Envelope } from '../../protocol/envelope.js';
import type { Delivery } from '../link/request-channel.js';
import type { Replies } from './replies.js';
import { readRequest, type Refusal } from './request-reader.js';
import { Tally } from '../tally.js';
import type { TransportOptions } from '../transport.options.js';
import { WorkLimit } from './work-limit.js';

/** Runs work when there is a place for it, unless its request is left to the broker by then. */
export type InPlace = (work: () => Promise<void> | void) => Promise<void>;

/** Which requests are executed, and when: as many at a time as the limit allows, and none that cannot be. */
export class RequestIntake {
  private readonly work: WorkLimit;
  private readonly logger = new Logger('Requests');
  private readonly congested = this.unanswered('too many messages wait for the broker');
  private readonly unready = this.unanswered('the connection to the broker was not ready');
  private taken = 0;
  private takenAtQos0 = 0;
  private onIdle: (() => void)[] = [];
  private isLeaving = false;

  /** @param execute answers a request; its promise is that of the work */
  constructor(
    private readonly limits: TransportOptions,
    private readonly replies: Replies,
    private readonly execute: (delivery: Delivery, request: Envelope, inPlace: InPlace) => Promise<void>,
  ) {
    this.work = new WorkLimit(limits.maxInFlight);
  }

  /** Resolves when nothing is in work, and nothing waits. */
  async idle(): Promise<void> {
    if (this.taken > 0) await new Promise<void>((resolve) => this.onIdle.push(resolve));
  }

  /** From now on requests are left to the broker, which keeps them for whoever comes next. */
  leaveToBroker(): void {
    this.isLeaving = true;
  }

  async take(delivery: Delivery): Promise<void> {
    const { channel, origin, packet } = delivery;
    const read = readRequest(delivery, this.limits.maxRequestBytes);
    if (!read) return delivery.settle(() => {});
    const isQos0 = origin.qos === 0;
    // A 503 would wait in the same queue.
    if (isQos0 && channel.outgoing.isCongested) return this.congested.add();
    if (isQos0 && (this.isFull || channel.isFull)) return this.turnAway(delivery, read);
    const inPlace: InPlace = (work) => this.inPlace(delivery, read, work);
    const { length } = packet.payload;
    channel.hold(length);
    this.taken++;
    if (isQos0) this.takenAtQos0++;
    try {
      await ('error' in read
        ? inPlace(() => this.replies.refuse(delivery, read))
        : this.execute(delivery, read, inPlace));
    } finally {
      channel.hold(-length);
      if (isQos0) this.takenAtQos0--;
      if (--this.taken === 0) this.onIdle.splice(0).forEach((tell) => tell());
    }
  }

  private unanswered(why: string): Tally {
    const log = (count: number) =>
      this.logger.warn(`${count} QoS 0 requests were neither executed nor answered: ${why}`);
    return new Tally(log);
  }

  /** Those that wait behind others of their command have no place yet, and are not to be without number. */
  private get isFull(): boolean {
    return this.work.isFull || this.takenAtQos0 >= this.limits.maxInFlight;
  }

  private inPlace(
    delivery: Delivery,
    read: Envelope | Refusal,
    work: () => Promise<void> | void,
  ): Promise<void> {
    const { channel, origin } = delivery;
    const begin = () => (this.isLeaving ? this.leave(delivery, read) : work());
    return this.work.run(origin.connectionId ?? origin.clientId, () => {
      if (channel.isOpen) return begin();
      // Before that the broker may not be the one that names the senders: nobody is answered.
      return channel.whenOpen().then((isOpen) => (isOpen ? begin() : this.lose(delivery)));
    });
  }

  private turnAway(delivery: Delivery, read: Envelope | Refusal): void {
    if (delivery.channel.isOpen) this.replies.refuse(delivery, refusalOf(read, overloaded()));
    else this.lose(delivery);
  }

  /** The broker hands a QoS 1 request out again. */
  private lose({ origin }: Delivery): void {
    if (origin.qos === 0) this.unready.add();
  }

  /** The broker keeps no QoS 0. */
  private leave(delivery: Delivery, read: Envelope | Refusal): void {
    if (delivery.origin.qos === 0) this.replies.refuse(delivery, refusalOf(read, stopping()));
  }
}

function refusalOf(read: Envelope | Refusal, error: Refusal['error']): Refusal {
  return 'error' in read ? read : { error, request: read };
}
