import { Logger } from '@nestjs/common';
import type { MessageHandler } from '@nestjs/microservices';
import {
  ActionError,
  actionTimeout,
  databaseAway,
  internalError,
  RowLocked,
  rowLocked,
  Superseded,
} from '../../protocol/action-error.js';
import { type Envelope, errorReply, successReply, unknownAction } from '../../protocol/envelope.js';
import { isJsonObject } from '../../protocol/json-object.js';
import { shown } from '../../protocol/shown.js';
import type { CrashGuard } from '../crash-guard/crash-guard.js';
import { DeviceHiveContext, isHeld } from '../devicehive.context.js';
import { laneOf, Lanes } from '../lanes.js';
import type { Delivery } from '../link/request-channel.js';
import { Outage } from './outage.js';
import { refusalLine } from './refusal-line.js';
import type { Replies } from './replies.js';
import type { InPlace } from './request-intake.js';

/** A longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What the server gives to those who execute its requests. */
export interface Handlers {
  of(action: string): MessageHandler | undefined;
  /** through Nest's guards, pipes and filters */
  call(handler: MessageHandler, context: DeviceHiveContext): Promise<unknown>;
  failed(error: unknown): void;
}

/** From a request to its one answer: in order where that counts, and again where the database was away. */
export class Execution {
  private readonly logger = new Logger('Requests');
  private readonly lanes = new Lanes();
  /** Lanes of a row that somebody else holds for longer than the deadline. */
  private readonly locked = new Set<string>();
  private readonly outage = new Outage();
  private isStopping = false;

  /** @param deadlineMs the longest that requests wait for a locked row, while the database answers */
  constructor(
    private readonly handlers: Handlers,
    private readonly replies: Replies,
    private readonly guard: CrashGuard,
    private readonly deadlineMs: number,
  ) {}

  /** From now on nothing is held: what cannot be executed has no PUBACK, and its sender asks again. */
  stop(): void {
    this.isStopping = true;
  }

  /** @param inPlace gets the work when it is its turn: what waits in a lane takes no place from others */
  execute(delivery: Delivery, request: Envelope, inPlace: InPlace): Promise<void> {
    const handler = this.handlers.of(request.action);
    if (!handler) {
      return inPlace(() => this.replies.refuse(delivery, { error: unknownAction(request.action), request }));
    }
    const context = new DeviceHiveContext(delivery, request, handler.extras);
    const lane = laneFor(context);
    const cameAt = performance.now();
    const begin = (): Promise<void> | void => {
      // The broker has it again for whoever leads by now.
      if (delivery.channel.isClosed) return;
      if (this.isLate(lane, cameAt)) return this.replies.refuse(delivery, { error: rowLocked(), request });
      if (this.guard.refuses(delivery)) return this.refuseFatal(delivery, request);
      const attempt = () => this.guard.run(delivery, () => this.attempt(delivery, context, handler, lane));
      return attempt().then((isDone) => (isDone ? undefined : this.hold(delivery, attempt)));
    };
    const work = () => inPlace(begin);
    if (lane === undefined) return work();
    if (context.origin.qos > 0 || !this.lanes.isBusy(lane)) return this.lanes.run(lane, work);
    // Behind requests that are held it would wait for the database as well.
    return this.outage.unlessAway(
      (begin) => this.lanes.run(lane, () => begin(work)),
      () => this.replies.refuse(delivery, { error: databaseAway(), request }),
    );
  }

  /** While the database is away, until it is answered or there is nobody to answer any more. */
  private async hold({ channel }: Delivery, attempt: () => Promise<boolean>): Promise<void> {
    this.outage.enter();
    try {
      do {
        await this.outage.wait();
      } while (!this.isStopping && !channel.isClosed && !(await attempt()));
    } finally {
      this.outage.leave();
    }
  }

  /** @returns `false` where it is to be tried again */
  private async attempt(
    delivery: Delivery,
    context: DeviceHiveContext,
    handler: MessageHandler,
    lane?: string,
  ): Promise<boolean> {
    const { request } = context;
    // Its turn may have come late.
    if (delivery.channel.isClosed) return true;
    try {
      const { timeoutMs } = context.extras;
      const data = await (timeoutMs
        ? this.callInTime(handler, context, timeoutMs)
        : this.handlers.call(handler, context));
      if (data !== undefined && !isJsonObject(data)) {
        throw new TypeError(`The handler of ${request.action} must return an object or nothing`);
      }
      if (this.locked.size > 0) this.locked.delete(lane!);
      this.replies.answer(delivery, request, successReply(request, data));
    } catch (error) {
      if (error instanceof Superseded) return true;
      if (isHeld(error, context)) return false;
      if (error instanceof RowLocked && lane !== undefined) this.giveUpOn(lane);
      // The filter has logged its own. What is no ActionError tells the client nothing.
      const known = error instanceof ActionError ? error : internalError();
      if (known !== error) this.handlers.failed(error);
      this.replies.answer(delivery, request, errorReply(request, known));
    }
    return true;
  }

  /**
   * Gives the handler of an extension up when it takes too long: one that never ends would hold back all later replies
   * of its connection, whose PUBACKs leave in the order of arrival.
   * @throws {ActionError} 504; what the handler does later has no effect
   */
  private callInTime(
    handler: MessageHandler,
    context: DeviceHiveContext,
    timeoutMs: number,
  ): Promise<unknown> {
    const { origin, request } = context;
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout;
      const check = () => {
        const left = timeoutMs - this.outage.quietSince(startedAt);
        if (left > 0) {
          timer = setTimeout(check, Math.min(left, MAX_TIMER_MS)).unref();
          return;
        }
        const error = actionTimeout(timeoutMs);
        context.isTimedOut = true;
        this.logger.warn(`Its handler has not ended and is given up: ${refusalLine(origin, error, request)}`);
        reject(error);
      };
      check();
      this.handlers
        .call(handler, context)
        .finally(() => clearTimeout(timer))
        .then(resolve, (error: unknown) => {
          if (context.isTimedOut) {
            this.logger.debug(`${shown(request.action)} has failed after its answer 504: ${String(error)}`);
          }
          reject(error as Error);
        });
    });
  }

  /** Behind a row that stays locked all give up at the same time, not one after the other. */
  private isLate(lane: string | undefined, cameAt: number): boolean {
    if (lane === undefined || !this.locked.has(lane)) return false;
    return this.outage.waitedSince(Math.max(cameAt, this.guard.sideBySideSince)) > this.deadlineMs;
  }

  /** Until a request gets through, or all that wait there now had their turn. */
  private giveUpOn(lane: string): void {
    this.locked.add(lane);
    void this.lanes.run(lane, async () => void this.locked.delete(lane));
  }

  private refuseFatal(delivery: Delivery, request: Envelope): void {
    const error = internalError();
    this.logger.warn(
      `Not executed, it has crashed the process: ${refusalLine(delivery.origin, error, request)}`,
    );
    this.replies.answer(delivery, request, errorReply(request, error));
  }
}

/**
 * A guard may take longer for one request than for the next, so where order counts it is kept from here on:
 * requests of one client with the same value in the field that the handler names run one after the other.
 */
function laneFor({ origin, request, extras }: DeviceHiveContext): string | undefined {
  const field = extras.inOrderOf;
  const value = field && request.body[field];
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  return laneOf(`${origin.connectionId ?? origin.clientId} ${field}`, value);
}
