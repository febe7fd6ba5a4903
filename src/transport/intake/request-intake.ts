import { overloaded, stopping } from '../../protocol/action-error.js';
import type { Envelope } from '../../protocol/envelope.js';
import type { Delivery } from '../link/request-channel.js';
import type { Replies } from './replies.js';
import { readRequest, type Refusal } from './request-reader.js';
import type { TransportOptions } from '../transport.options.js';
import { WorkLimit } from './work-limit.js';

/** Which requests are executed, and when: as many at a time as the limit allows, and none that cannot be. */
export class RequestIntake {
  private readonly work: WorkLimit;
  private isLeaving = false;

  /** @param execute answers a request; its promise is that of the work */
  constructor(
    private readonly limits: TransportOptions,
    private readonly replies: Replies,
    private readonly execute: (delivery: Delivery, request: Envelope) => Promise<void>,
  ) {
    this.work = new WorkLimit(limits.maxInFlight);
  }

  /** Resolves when nothing is in work. */
  idle(): Promise<void> {
    return this.work.idle();
  }

  /** From now on requests are left to the broker, which keeps them for whoever comes next. */
  leaveToBroker(): void {
    this.isLeaving = true;
  }

  async take(delivery: Delivery): Promise<void> {
    const { channel, origin } = delivery;
    const read = readRequest(delivery, this.limits.maxRequestBytes);
    if (!read) return delivery.settle(() => {});
    // The 503 would have to wait as well.
    if (origin.qos === 0 && channel.outgoing.isCongested) return;
    if (origin.qos === 0 && this.work.isFull) return this.turnAway(delivery, read);
    return this.work.run(origin.connectionId ?? origin.clientId, async () => {
      // Before that the broker may not be the one that names the senders: nobody is answered.
      if (!channel.isOpen && !(await channel.whenOpen())) return;
      if ('error' in read) return this.replies.refuse(delivery, read);
      if (this.isLeaving) return this.leave(delivery, read);
      return this.execute(delivery, read);
    });
  }

  private turnAway(delivery: Delivery, read: Envelope | Refusal): void {
    if (!delivery.channel.isOpen) return;
    this.replies.refuse(delivery, 'error' in read ? read : { error: overloaded(), request: read });
  }

  /** The broker keeps no QoS 0. */
  private leave(delivery: Delivery, request: Envelope): void {
    if (delivery.origin.qos === 0) this.replies.refuse(delivery, { error: stopping(), request });
  }
}
