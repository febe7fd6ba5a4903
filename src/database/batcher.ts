import { rowLocked } from '../protocol/action-error.js';
import { Pace } from '../protocol/pace.js';
import { type Asker, UserTurns } from '../protocol/turns.js';
import { isLocked, isRefused } from './database-error.js';
import type { Bound } from './sessions.js';
import { retryWrite } from './write-retry.js';

/**
 * Outcomes told at a time: what their callers send leaves before the next ones are told, so that the broker works on it
 * meanwhile. On two cores with 64 in flight it was 2 to 8 % more updates than with all at a time; with 8 less with 512.
 */
const AT_A_TIME = 16;

const NO_OUTCOME = 'No outcome of this request: a trigger may have suppressed its row';

/** An item that has waited for so long is to be given up at its deadline, and not a whole wait for a lock later. */
const OVERDUE_MS = 250;

/** An outcome may have hundreds of watchers: others get a turn of the event loop after so long. */
const TURN_MS = 10;

interface Entry<Item, Outcome> {
  item: Item;
  weight: number;
  cameAt: number;
  resolve: (outcome: Outcome) => void;
  reject: (error: unknown) => void;
}

export interface BatchLimits {
  /** batches at the same time */
  slots: number;
  /** the weight of a batch; a heavier item goes alone */
  weight: number;
  /** how long an item is tried again that failed because of what others do, in milliseconds */
  deadlineMs: number;
}

/**
 * Group commit, and the same for reads: whatever has queued goes out in one statement as soon as a slot is free, so that
 * an item that comes alone waits for nobody, and batches grow with the load only. Owners take turns, item by item.
 */
export class Batcher<Item, Outcome> {
  private readonly waiting = new UserTurns<Entry<Item, Outcome>>();
  private running = 0;
  private isWoken = false;
  /** Whether the last batch has met a lock that others hold, of the whole table: a row is no reason to wait. */
  private isBlocked = false;

  /**
   * @param write answers one outcome for each item, in their order, `undefined` for an item that fails alone, or fails for
   *   all of them. It asks for the bound of its statement when that has its turn: each item has a deadline of its own.
   */
  constructor(
    private readonly write: (items: Item[], bound: () => Bound) => Promise<(Outcome | undefined)[]>,
    private readonly limits: BatchLimits,
  ) {}

  /**
   * @param owner with whom the item takes turns
   * @param cameAt when its deadline began, by `performance.now()`
   * @throws what its statement fails with; what is wrong with another item does not count
   */
  add(item: Item, owner: Asker, weight = 1, cameAt = performance.now()): Promise<Outcome> {
    if (this.isBlocked && this.isLate(cameAt)) return Promise.reject(rowLocked());
    return new Promise((resolve, reject) => {
      this.waiting.add({ item, weight, cameAt, resolve, reject }, owner);
      this.wake();
    });
  }

  /**
   * At the end of this turn of the event loop: what came with the same packets goes out together. Half as many batches
   * as one step of promises later, 250 instead of 490 for 12,000 requests of 16 clients, and no later.
   */
  private wake(): void {
    if (this.isWoken || this.running === this.limits.slots) return;
    this.isWoken = true;
    setImmediate(() => {
      this.isWoken = false;
      this.fillSlots();
    });
  }

  private fillSlots(): void {
    while (this.running < this.limits.slots && this.waiting.next) {
      this.running++;
      void this.settle(this.nextBatch()).then(() => {
        this.running--;
        this.wake();
      });
    }
  }

  private nextBatch(): Entry<Item, Outcome>[] {
    const batch: Entry<Item, Outcome>[] = [];
    let weight = 0;
    for (let { next } = this.waiting; next; next = this.waiting.next) {
      weight += next.weight;
      if (batch.length > 0 && weight > this.limits.weight) break;
      batch.push(next);
      this.waiting.take();
    }
    return batch;
  }

  private async settle(batch: Entry<Item, Outcome>[]): Promise<void> {
    try {
      const items = batch.map(({ item }) => item);
      const outcomes = await retryWrite(
        () => this.write(items, () => this.boundOf(batch)),
        this.limits.deadlineMs,
      );
      this.isBlocked = false;
      const pace = new Pace(TURN_MS);
      for (const [i, { resolve, reject }] of batch.entries()) {
        if (i > 0 && i % AT_A_TIME === 0) {
          await (pace.pause() ?? new Promise<void>((resume) => process.nextTick(resume)));
        }
        const outcome = outcomes[i];
        if (outcome === undefined) reject(new Error(NO_OUTCOME));
        else resolve(outcome);
      }
    } catch (error) {
      if (isLocked((error as Error).cause)) return this.hold(batch, error);
      if (batch.length > 1 && isRefused(error)) return this.settleApart(batch);
      for (const { reject } of batch) reject(error);
    }
  }

  /** The usual wait for a lock is as long as a deadline, for items that have all of theirs before them. */
  private boundOf(batch: Entry<Item, Outcome>[]): Bound {
    const overdue = performance.now() - OVERDUE_MS;
    return this.isBlocked || batch.some(({ cameAt }) => cameAt < overdue) ? 'locking' : 'usual';
  }

  /** Gives up what is late, here and in the queue, and tries the rest again. */
  private async hold(batch: Entry<Item, Outcome>[], error: unknown): Promise<void> {
    this.isBlocked = true;
    const late = new Set(batch.filter(({ cameAt }) => this.isLate(cameAt)));
    const rest = batch.filter((entry) => !late.has(entry));
    for (const { reject } of [...late, ...this.waiting.remove(({ cameAt }) => this.isLate(cameAt))])
      reject(error);
    if (rest.length > 0) await this.settle(rest);
  }

  private isLate(cameAt: number): boolean {
    return performance.now() - cameAt >= this.limits.deadlineMs;
  }

  /** The halves, and theirs, until what is wrong is alone. */
  private async settleApart(batch: Entry<Item, Outcome>[]): Promise<void> {
    const middle = batch.length >> 1;
    await this.settle(batch.slice(0, middle));
    await this.settle(batch.slice(middle));
  }
}
