import { QueryFailedError } from 'typeorm';
import { describe, expect, it, vi } from 'vitest';
import { rowLocked } from '../protocol/action-error.js';
import { type BatchLimits, Batcher } from './batcher.js';

const refusal = (code: string) => new QueryFailedError('', [], Object.assign(new Error(code), { code }));

const ASKER = { userId: 1 };

/** Keeps each batch until the test lets it go. */
class HeldStatements {
  readonly batches: string[][] = [];
  private readonly open: { end(): void; fail(error: unknown): void }[] = [];

  write = (items: string[]): Promise<string[]> =>
    new Promise((resolve, reject) => {
      this.batches.push(items);
      this.open.push({ end: () => resolve(items.map((item) => `${item} done`)), fail: reject });
    });

  async end(): Promise<void> {
    this.open.shift()!.end();
    await settled();
  }

  async fail(error: unknown): Promise<void> {
    this.open.shift()!.fail(error);
    await settled();
  }
}

/** Until everything that needs no statement has happened: a slot that is free is filled in the next turn. */
const settled = async () => {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
};

function batcher(limits: Partial<BatchLimits> = {}) {
  const statements = new HeldStatements();
  const batcher = new Batcher(statements.write, { slots: 1, weight: 4, deadlineMs: 10_000, ...limits });
  return { statements, batcher };
}

/** Refuses batches with an item that begins with `bad`, as PostgreSQL does. */
function refusing(code: string) {
  const sizes: number[] = [];
  const write = async (items: string[]) => {
    sizes.push(items.length);
    if (items.some((item) => item.startsWith('bad'))) throw refusal(code);
    return items;
  };
  return { sizes, batcher: new Batcher(write, { slots: 1, weight: 8, deadlineMs: 10_000 }) };
}
const outcomes = async (promises: Promise<string>[]) =>
  (await Promise.allSettled(promises)).map((result) =>
    result.status === 'fulfilled' ? result.value : (result.reason as Error).message,
  );

/** Turns of the event loop until the work is done. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  const over = new AbortController();
  void work.finally(() => over.abort());
  let turns = 0;
  for (; !over.signal.aborted; turns++) await new Promise(setImmediate);
  return turns;
}

describe('Batcher', () => {
  it('lets what the first of a large batch send leave before it tells the last', async () => {
    const { statements, batcher: writes } = batcher({ weight: 100 });
    const events: string[] = [];
    const items = Array.from({ length: 40 }, (_, i) => `${i}`);
    const all = items.map(async (item) => {
      events.push(await writes.add(item, ASKER));
      process.nextTick(() => events.push(`${item} left`));
    });
    await settled();
    expect(statements.batches).toEqual([items]);
    await statements.end();
    await Promise.all(all);
    expect(events.filter((event) => event.endsWith('done'))).toEqual(items.map((item) => `${item} done`));
    expect(events.indexOf('0 left')).toBeLessThan(events.indexOf('39 done'));
  });

  it('gives others a turn of the event loop while it tells outcomes that take long', async () => {
    const { statements, batcher: writes } = batcher({ weight: 240 });
    const items = Array.from({ length: 240 }, (_, i) => `${i}`);
    const told = items.map(async (item) => {
      await writes.add(item, ASKER);
      const end = performance.now() + 1;
      while (performance.now() < end);
    });
    await settled();
    const turns = turnsDuring(Promise.all(told));
    await statements.end();
    expect(await turns).toBeGreaterThan(5);
  });

  it('writes an item that comes alone at once', async () => {
    const { statements, batcher: writes } = batcher();
    const outcome = writes.add('a', ASKER);
    await settled();
    expect(statements.batches).toEqual([['a']]);
    await statements.end();
    expect(await outcome).toBe('a done');
  });

  it('writes together what comes together, and gives each its own outcome', async () => {
    const { statements, batcher: writes } = batcher();
    const all = Promise.all(['a', 'b', 'c'].map((item) => writes.add(item, ASKER)));
    await settled();
    await statements.end();
    expect(await all).toEqual(['a done', 'b done', 'c done']);
    expect(statements.batches).toEqual([['a', 'b', 'c']]);
  });

  it('keeps what comes meanwhile for the next free slot', async () => {
    const { statements, batcher: writes } = batcher({ slots: 2 });
    for (const item of ['a', 'b', 'c', 'd']) {
      void writes.add(item, ASKER);
      await settled();
    }
    expect(statements.batches).toEqual([['a'], ['b']]);
    await statements.end();
    expect(statements.batches.slice(2)).toEqual([['c', 'd']]);
  });

  it('ends a batch where the next item would be too much; what is too heavy for any goes alone', async () => {
    const { statements, batcher: writes } = batcher();
    const weights = [2, 2, 1, 9, 1];
    for (const [i, weight] of weights.entries()) void writes.add(`${i}`, ASKER, weight);
    await settled();
    for (let i = 0; i < 3; i++) await statements.end();
    expect(statements.batches).toEqual([['0', '1'], ['2'], ['3'], ['4']]);
  });

  it('serves owners in turn: one item does not wait for a thousand of somebody else', async () => {
    const { statements, batcher: writes } = batcher();
    for (let i = 0; i < 1_000; i++) void writes.add(`flood ${i}`, { userId: 'flooder' });
    await settled();
    void writes.add('quiet', { userId: 'other' });
    await statements.end();
    expect(statements.batches[1]).toEqual(['flood 4', 'quiet', 'flood 5', 'flood 6']);
  });

  it('fails the one item that is refused, and no other', async () => {
    const { sizes, batcher: writes } = refusing('22021');
    const items = ['a', 'b', 'c', 'bad', 'e', 'f', 'g', 'h'];
    const results = await outcomes(items.map((item) => writes.add(item, ASKER)));
    expect(results).toEqual(['a', 'b', 'c', '22021', 'e', 'f', 'g', 'h']);
    expect(sizes).toEqual([8, 4, 2, 2, 1, 1, 4]);
  });

  it('fails a whole batch whose connection is cut or whose lock is not given: once', async () => {
    for (const code of ['57P01', '08006', '55P03', 'ECONNRESET']) {
      const { sizes, batcher: writes } = refusing(code);
      expect(await outcomes([writes.add('bad', ASKER), writes.add('good', ASKER)])).toEqual([code, code]);
      expect(sizes).toEqual([2]);
    }
  });

  it('writes a batch again that was the victim of a dead-lock or could not be serialized', async () => {
    for (const code of ['40P01', '40001']) {
      const { statements, batcher: writes } = batcher();
      const both = Promise.all([writes.add('a', ASKER), writes.add('b', ASKER)]);
      for (let times = 1; times <= 3; times++) {
        await vi.waitUntil(() => statements.batches.length === times, { interval: 1 });
        if (times < 3) await statements.fail(refusal(code));
        else await statements.end();
      }
      expect(await both).toEqual(['a done', 'b done']);
      expect(statements.batches).toEqual([
        ['a', 'b'],
        ['a', 'b'],
        ['a', 'b'],
      ]);
    }
  });

  it('tries such a batch less and less often, and gives up at the deadline', async () => {
    let times = 0;
    const write = () => {
      times++;
      return Promise.reject<string[]>(refusal('40P01'));
    };
    const writes = new Batcher(write, { slots: 1, weight: 4, deadlineMs: 50 });
    await expect(writes.add('a', ASKER)).rejects.toMatchObject({
      code: 503,
      cause: { driverError: { code: '40P01' } },
    });
    // At least 1, 2, 4, 8, 16 and 32 ms apart.
    expect(times).toBeGreaterThan(1);
    expect(times).toBeLessThan(8);
  });

  it('goes on after a batch that failed', async () => {
    const { statements, batcher: writes } = batcher();
    const failed = outcomes([writes.add('a', ASKER)]);
    await settled();
    await statements.fail(new Error('cut off'));
    expect(await failed).toEqual(['cut off']);
    const next = writes.add('b', ASKER);
    await settled();
    await statements.end();
    expect(await next).toBe('b done');
  });

  it('fails the item alone whose outcome is missing', async () => {
    const write = async (items: string[]) => items.map((item) => (item === 'gone' ? undefined : item));
    const writes = new Batcher(write, { slots: 1, weight: 4, deadlineMs: 10_000 });
    expect(await outcomes(['a', 'gone', 'b'].map((item) => writes.add(item, ASKER)))).toEqual([
      'a',
      'No outcome of this request: a trigger may have suppressed its row',
      'b',
    ]);
  });

  it('tries what a lock of others has kept again until the deadline of each item', async () => {
    const bounds: string[] = [];
    let isLocked = true;
    const writes = new Batcher(
      async (items: string[], bound) => {
        bounds.push(bound());
        await settled();
        if (isLocked) throw rowLocked(refusal('55P03'));
        return items;
      },
      { slots: 1, weight: 2, deadlineMs: 60_000 },
    );
    const now = performance.now();
    const added = [
      writes.add('late', ASKER, 1, now - 60_000),
      writes.add('in time', ASKER, 1, now),
      writes.add('late in the queue', ASKER, 1, now - 60_000),
      writes.add('in time in the queue', ASKER, 1, now),
    ];
    const first = await Promise.allSettled([added[0], added[2]]);
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isLocked = false;
    expect(await outcomes([added[1]!, added[3]!])).toEqual(['in time', 'in time in the queue']);
    await writes.add('later', ASKER);
    // A batch that follows a locked one is to wait for a moment, and one with an item that has little time left.
    expect([bounds[0], bounds[1], bounds.at(-1)]).toEqual(['locking', 'locking', 'usual']);
  });
});
