import { setTimeout as delay } from 'node:timers/promises';
import { answered, OUTCOME_UNKNOWN } from '../../database/database-error.js';
import { type BatchLimits, Batcher } from '../../database/batcher.js';
import { termRow, type WriteFence } from '../../database/write-fence.js';
import type { Bound, Queries, Statement } from '../../database/queries.js';
import { rowLocked, Superseded } from '../../protocol/action-error.js';
import { Lanes } from '../../transport/lanes.js';
import type { Asker } from '../../protocol/turns.js';

/**
 * One row for each item: its place in the batch, from 1, and the columns of what was done. `gone` is what the same request
 * did before and somebody has deleted.
 */
export type OutcomeRow = { n: number; state: 'done' | 'gone' | 'locked' | 'unknown' };

export interface BatchedStatement<Item> {
  statement: (fenced: boolean) => Statement;
  /** the parameters of `termRow` come after these */
  values: (items: Item[]) => unknown[];
}

/** What an item needs to find its way through the batches. */
export interface BatchedItem {
  /** items of one key are written in the order of the calls, and never in the same batch; none for those that are free */
  key?: unknown;
  /** items of one series are written in the order of the calls, in one batch or in one after the other */
  series?: string;
  /** who takes turns with the others */
  owner: Asker;
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

const batchLimits = ({ poolSize }: Queries, deadlineMs: number): BatchLimits => ({
  slots: Math.min(SLOTS, poolSize),
  weight: WEIGHT,
  deadlineMs,
});

/** The rows that a statement has answered for a batch: one that is missing is `undefined`. */
export function inOrderOfItems<Row extends OutcomeRow>(items: unknown[], rows: Row[]): (Row | undefined)[] {
  // With a row for each item their order says as much as their numbers, and costs less.
  if (rows.length === items.length) return rows.toSorted((a, b) => a.n - b.n);
  const byNumber = new Map(rows.map((row) => [row.n, row]));
  return items.map((_, i) => byNumber.get(i + 1));
}

/**
 * Writes of many requests in one statement, which answers each for itself. A row that somebody else holds is passed
 * over and looked at again later, so that it holds up nobody but those who wait for it.
 */
export class BatchedWrites<Item extends BatchedItem, Row extends OutcomeRow> {
  /** whose statements take turns with those of other kinds of writes */
  readonly userId = this;
  private readonly lanes = new Lanes();
  /** By series: those that were passed over because of a locked row, and are tried again one after the other. */
  private readonly passedOver = new Lanes();
  private readonly triedAgain = new WeakSet<Item>();
  private readonly limits: BatchLimits;
  private current?: { epoch?: string; batchers: Batcher<Item, Row>[] };

  constructor(
    private readonly queries: Queries,
    private readonly fence: WriteFence,
    private readonly batched: BatchedStatement<Item>,
    private readonly deadlineMs: number,
  ) {
    this.limits = batchLimits(queries, deadlineMs);
  }

  /**
   * @returns the row of what was done, or is gone; `undefined` where there is nothing to do it to
   * @throws {Superseded} where another process has taken over: nothing was changed then
   * @throws {ActionError} 503 where the row is locked for too long, or the database did not answer
   */
  run(item: Item): Promise<Row | undefined> {
    // The term of now: what still waits here when another replica takes over is not to be written in a later one.
    const batcher = this.batcherFor(item, this.fence.term);
    const cameAt = performance.now();
    return this.lanes.run(item.key ?? item, () => this.untilFree(item, batcher, cameAt));
  }

  private untilFree(item: Item, batcher: Batcher<Item, Row>, cameAt: number): Promise<Row | undefined> {
    const { series } = item;
    return batcher.add(item, item.owner, item.weight, cameAt).then((row) => {
      if (row.state !== 'locked') return row.state === 'unknown' ? undefined : row;
      const again = (pause: number) => this.again(item, batcher, cameAt, pause);
      const waited = performance.now() - cameAt;
      const pause = Math.min(Math.max(waited / 4, LOCKED_MS.least), LOCKED_MS.most);
      if (series === undefined || this.triedAgain.has(item)) return again(pause);
      const isFirst = !this.passedOver.isBusy(series);
      return this.passedOver.run(series, () => {
        this.triedAgain.add(item);
        return again(isFirst ? pause : 0);
      });
    });
  }

  private async again(
    item: Item,
    batcher: Batcher<Item, Row>,
    cameAt: number,
    pause: number,
  ): Promise<Row | undefined> {
    const left = cameAt + this.deadlineMs - performance.now();
    if (left <= 0) throw rowLocked();
    if (pause > 0) await delay(Math.min(pause, left));
    return this.untilFree(item, batcher, cameAt);
  }

  /** Of one term alone, so that no batch has items of two; for items of one series the same, which has one batch at a time. */
  private batcherFor({ series }: Item, term: Term): Batcher<Item, Row> {
    if (!this.current || this.current.epoch !== term?.epoch) {
      const write = (items: Item[], bound: () => Bound) => this.writeFree(items, term, bound);
      const { slots } = this.limits;
      const [count, each] = series === undefined ? [1, slots] : [slots, 1];
      const batchers = Array.from(
        { length: count },
        () => new Batcher(write, { ...this.limits, slots: each }),
      );
      this.current = { epoch: term?.epoch, batchers };
    }
    const { batchers } = this.current;
    return batchers[series === undefined ? 0 : numberOf(series) % batchers.length]!;
  }

  /** What follows one that was passed over counts as locked until it is its turn. */
  private async writeFree(items: Item[], term: Term, bound: () => Bound): Promise<(Row | undefined)[]> {
    const free = items.filter((item) => !this.isBehind(item));
    if (free.length === items.length) return this.write(items, term, bound);
    const written = free.length > 0 ? await this.write(free, term, bound) : [];
    const outcomes = new Map(free.map((item, i) => [item, written[i]]));
    return items.map((item) => (outcomes.has(item) ? outcomes.get(item) : ({ state: 'locked' } as Row)));
  }

  private isBehind(item: Item): boolean {
    return item.series !== undefined && !this.triedAgain.has(item) && this.passedOver.isBusy(item.series);
  }

  private async write(items: Item[], term: Term, bound: () => Bound): Promise<(Row | undefined)[]> {
    const statement = this.batched.statement(term !== undefined);
    const values = [...this.batched.values(items), ...(term ? [term.name, term.epoch] : [])];
    const rows = await answered(
      this.queries.run<Row>('batch', this, statement, values, bound),
      OUTCOME_UNKNOWN,
    );
    if (rows.length === 0 && !(await this.lasts(term))) throw new Superseded();
    return inOrderOfItems(items, rows);
  }

  private async lasts(term: Term): Promise<boolean> {
    if (!term) return true;
    const statement = { text: termRow(true, 1) };
    const rows = await answered(this.queries.run('batch', this, statement, [term.name, term.epoch]));
    return rows.length > 0;
  }
}

function numberOf(text: string): number {
  let number = 0;
  for (let i = 0; i < text.length; i++) number = (number * 31 + text.charCodeAt(i)) >>> 0;
  return number;
}
