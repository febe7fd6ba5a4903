import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';

const FIRST_MS = 50;
const LONGEST_MS = 1_000;

/**
 * While the database is away QoS 1 requests are held: their sender has no PUBACK, so nothing is lost by waiting, and
 * nothing would be won by a refusal. They are tried again together, less and less often, until one gets through.
 */
export class Outage {
  private readonly logger = new Logger('Requests');
  private readonly onAway = new Set<() => void>();
  private held = 0;
  private pauseMs = FIRST_MS;
  private pause?: Promise<void>;
  private endedAt = -Infinity;
  private triedAgainAt = -Infinity;

  /** One more request is held. */
  enter(): void {
    if (++this.held > 1) return;
    this.logger.warn('The database is away: QoS 1 requests wait');
    for (const giveUp of this.onAway) giveUp();
    this.onAway.clear();
  }

  /** Resolves when those that are held are to be tried again. */
  async wait(): Promise<void> {
    this.pause ??= delay(this.pauseMs).then(() => {
      this.pause = undefined;
      this.triedAgainAt = performance.now();
      this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_MS);
    });
    await this.pause;
  }

  /** One is not held any more: it has got through, or there is nobody to answer. */
  leave(): void {
    if (--this.held > 0) return;
    this.logger.log('No request waits for the database any more');
    this.pauseMs = FIRST_MS;
    this.endedAt = performance.now();
  }

  /** How long somebody has waited since `cameAt` while the database was there; milliseconds. */
  waitedSince(cameAt: number): number {
    return this.held > 0 ? 0 : performance.now() - Math.max(cameAt, this.endedAt);
  }

  /**
   * How long nothing has shown since `startedAt` that the database is away; milliseconds. Held requests show it between
   * two attempts, and not during one: what is tried again may hang for another reason.
   */
  quietSince(startedAt: number): number {
    return this.pause ? 0 : performance.now() - Math.max(startedAt, this.triedAgainAt);
  }

  /**
   * For what is not held.
   * @param run gets what to begin its work with, when its turn has come
   * @param giveUp called instead of the work where the database is away, or goes away before
   */
  async unlessAway(
    run: (begin: (work: () => Promise<void>) => Promise<void>) => Promise<void>,
    giveUp: () => void,
  ): Promise<void> {
    if (this.held > 0) return giveUp();
    this.onAway.add(giveUp);
    await run(async (work) => {
      if (this.onAway.delete(giveUp)) await work();
    });
  }
}
