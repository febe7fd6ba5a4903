import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { answered, OUTCOME_UNKNOWN } from '../../database/database-error.js';
import { type BatchLimits, WriteBatcher } from './write-batcher.js';
import { termRow, type WriteFence } from '../../database/write-fence.js';
import { poolOf, type PreparedStatement, runPrepared } from '../../database/write-pool.js';
import { rowLocked, Superseded } from '../../protocol/action-error.js';
import { Lanes } from '../../transport/lanes.js';

/** One row for each item: its place in the batch, from 1, and the columns of what was done. */
export type OutcomeRow = { n: number; state: 'done' | 'locked' | 'unknown' };

export interface BatchedStatement<Item> {
  statement: (fenced: boolean) => PreparedStatement;
  /** the parameters of `termRow` come after these */
  values: (items: Item[]) => unknown[];
}

/** What an item needs to find its way through the batches. */
export interface BatchedItem {
  /** items of one key are written in the order of the calls, and never in the same batch; none for those that are free */
  key?: unknown;
  /** who takes turns with the others */
  owner: unknown;
  /** 1, and more for one that is long */
  weight: number;
}

/**
 * Batches at the same time, of updates and of inserts; the embedded database has one connection. Updates/s on two
 * cores, the best of four runs, with 512 and 64 in flight: 1 batch 32,100 and 23,200, 2 batches 39,100 and 24,900,
 * 3 batches 32,400 and 16,600. One at a time has both sides wait for each other, three are smaller than they could be.
 */
const SLOTS = 2;
/** Of a batch: 256 items of the usual size. With 128 and 512 in flight it was 35,000/s instead of 39,100/s. */
const WEIGHT = 256;

/**
 * A locked row is looked at again after a quarter of the time it has been waited for, within these limits. A thousand of
 * them for long are 10,000 looks a second, in 40 batches.
 */
const LOCKED_MS = { least: 2, most: 100 };

type Term = WriteFence['term'];

/**
 * Writes of many requests in one statement, which answers each for itself. A row that somebody else holds is passed
 * over and looked at again later, so that it holds up nobody but those who wait for it.
 */
export class BatchedWrites<Item extends BatchedItem, Row extends OutcomeRow> {
  private readonly lanes = new Lanes();
  private readonly limits: BatchLimits;
  private current?: { epoch?: string; batcher: WriteBatcher<Item, Row> };

  constructor(
    private readonly dataSource: DataSource,
    private readonly fence: WriteFence,
    private readonly batched: BatchedStatement<Item>,
    private readonly deadlineMs: number,
  ) {
    const { max = SLOTS } = poolOf(dataSource).options;
    this.limits = { slots: Math.min(SLOTS, max), weight: WEIGHT, deadlineMs };
  }

  /**
   * @returns the columns of what was done; `undefined` where there is nothing to do it to
   * @throws {Superseded} where another process has taken over: nothing was changed then
   * @throws {ActionError} 503 where the row is locked for too long, or the database did not answer
   */
  run(item: Item): Promise<Row | undefined> {
    // The term of now: what still waits here when another replica takes over is not to be written in a later one.
    const batcher = this.batcherOf(this.fence.term);
    const cameAt = performance.now();
    const work = () => this.untilFree(item, batcher, cameAt);
    return item.key === undefined ? work() : this.lanes.run(item.key, work);
  }

  private untilFree(item: Item, batcher: WriteBatcher<Item, Row>, cameAt: number): Promise<Row | undefined> {
    return batcher.add(item, item.owner, item.weight).then((row) => {
      if (row.state === 'locked') return this.again(item, batcher, cameAt);
      return row.state === 'done' ? row : undefined;
    });
  }

  private async again(
    item: Item,
    batcher: WriteBatcher<Item, Row>,
    cameAt: number,
  ): Promise<Row | undefined> {
    const waited = performance.now() - cameAt;
    if (waited >= this.deadlineMs) throw rowLocked();
    const pause = Math.min(Math.max(waited / 4, LOCKED_MS.least), LOCKED_MS.most);
    await delay(Math.min(pause, this.deadlineMs - waited));
    return this.untilFree(item, batcher, cameAt);
  }

  /** One for each term, so that no batch has items of two. */
  private batcherOf(term: Term): WriteBatcher<Item, Row> {
    if (!this.current || this.current.epoch !== term?.epoch) {
      const write = (items: Item[]) => this.write(items, term);
      this.current = { epoch: term?.epoch, batcher: new WriteBatcher(write, this.limits) };
    }
    return this.current.batcher;
  }

  private async write(items: Item[], term: Term): Promise<(Row | undefined)[]> {
    const statement = this.batched.statement(term !== undefined);
    const values = [...this.batched.values(items), ...(term ? [term.name, term.epoch] : [])];
    const rows = await answered(runPrepared<Row>(this.dataSource, statement, values), OUTCOME_UNKNOWN);
    if (rows.length === 0 && !(await this.lasts(term))) throw new Superseded();
    // With a row for each item their order says as much as their numbers, and costs less.
    if (rows.length === items.length) return rows.toSorted((a, b) => a.n - b.n);
    const byNumber = new Map(rows.map((row) => [row.n, row]));
    return items.map((_, i) => byNumber.get(i + 1));
  }

  private async lasts(term: Term): Promise<boolean> {
    if (!term) return true;
    const rows = await answered(this.dataSource.query<object[]>(termRow(true, 1), [term.name, term.epoch]));
    return rows.length > 0;
  }
}
