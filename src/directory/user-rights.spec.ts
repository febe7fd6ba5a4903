import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UserRightsCache } from './user-rights.js';

interface Row {
  id: string;
  networks: string[] | null;
  types: string[] | null;
}

/** Stands for the database: knows all users, and answers when it is let to. */
class Users {
  /** the ids of each statement */
  readonly asked: number[][] = [];
  rows: Row[] = [];
  /** so many statements fail */
  failures = 0;
  isInitialized = true;
  /** the last transaction that changed rights; without one the schema is older */
  change?: string;
  /** how often it was asked for */
  checks = 0;
  onAsked: () => unknown = () => {};
  private hold?: Promise<void>;

  createQueryRunner() {
    return {
      connect: () => Promise.resolve(),
      query: (statement: string, parameters: [number[]]) =>
        statement.includes('rights_change') ? this.lastChange() : this.query(statement, parameters),
      release: () => Promise.resolve(),
    };
  }

  private lastChange(): Promise<{ transaction: string }[]> {
    this.checks++;
    if (this.change === undefined)
      return Promise.reject(Object.assign(new Error('no table'), { code: '42P01' }));
    return Promise.resolve([{ transaction: this.change }]);
  }

  query(_statement: string, [ids]: [number[]]): Promise<Row[]> {
    this.asked.push([...ids].toSorted());
    this.onAsked();
    const rows = this.rows.filter(({ id }) => ids.includes(Number(id)));
    if (this.failures-- > 0) return Promise.reject(new Error('away'));
    return (this.hold ?? Promise.resolve()).then(() => rows);
  }

  /** A connection has to be had first. */
  async areAsked(): Promise<void> {
    while (this.asked.length === 0) await Promise.resolve();
  }

  /** @returns what lets the answers go */
  pause(): () => void {
    let go = () => {};
    this.hold = new Promise((resolve) => (go = resolve));
    return () => {
      this.hold = undefined;
      go();
    };
  }
}

let users: Users;
let cache: UserRightsCache;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
  users = new Users();
  users.rows = ['1', '2', '3'].map((id) => ({ id, networks: [id], types: null }));
  cache = new UserRightsCache(users as unknown as DataSource);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('UserRightsCache', () => {
  it('knows the rights of those who watch, as numbers; null stands for all', async () => {
    users.rows = [
      { id: '1', networks: null, types: null },
      { id: '2', networks: ['5', '6'], types: [] },
      { id: '3', networks: ['7'], types: null },
    ];
    for (const id of [1, 2, 4]) cache.watch(id);
    expect(cache.isFresh()).toBe(false);
    expect(cache.of(1)).toBeUndefined();
    await cache.refresh();
    expect(cache.isFresh()).toBe(true);
    expect(users.asked).toEqual([[1, 2, 4]]);
    expect([1, 2, 3, 4].map((id) => cache.of(id))).toEqual([
      { networkIds: null, deviceTypeIds: null },
      { networkIds: [5, 6], deviceTypeIds: [] },
      undefined,
      undefined,
    ]);
  });

  it('reads those of a user for as long as anybody watches on his behalf', async () => {
    for (const id of [1, 1, 2]) cache.watch(id);
    for (const [unwatched, ids] of [
      [undefined, [1, 2]],
      [1, [1, 2]],
      [1, [2]],
    ] as const) {
      if (unwatched) cache.unwatch(unwatched);
      vi.advanceTimersByTime(1_000);
      await cache.refresh();
      expect(users.asked.at(-1)).toEqual(ids);
    }
    cache.unwatch(2);
    vi.advanceTimersByTime(1_000);
    await cache.refresh();
    expect(users.asked).toHaveLength(3);
    expect(cache.of(1)).toBeUndefined();
  });

  it('reads them again before they are a second old, and forgets who is gone', async () => {
    cache.watch(1);
    await cache.refresh();
    vi.advanceTimersByTime(800);
    await cache.refresh();
    expect(users.asked).toHaveLength(1);
    users.rows = [];
    vi.advanceTimersByTime(199);
    expect(cache.isFresh()).toBe(false);
    await cache.refresh();
    expect(users.asked).toHaveLength(2);
    expect(cache.of(1)).toBeUndefined();
  });

  it('counts their age from before they were read', async () => {
    cache.watch(1);
    const go = users.pause();
    const refreshed = cache.refresh();
    await users.areAsked();
    vi.advanceTimersByTime(800);
    go();
    await refreshed;
    vi.advanceTimersByTime(199);
    expect(cache.isFresh()).toBe(false);
  });

  it('is not fresh for a new watcher, and is for one more of the same user', async () => {
    cache.watch(1);
    await cache.refresh();
    cache.watch(1);
    expect(cache.isFresh()).toBe(true);
    cache.watch(2);
    expect(cache.isFresh()).toBe(false);
    await cache.refresh();
    expect(cache.of(2)).toEqual({ networkIds: [2], deviceTypeIds: null });
  });

  it('is fresh for those who watched when it read, and reads again for who came meanwhile', async () => {
    cache.watch(1);
    const go = users.pause();
    const refreshed = cache.refresh();
    await users.areAsked();
    cache.watch(2);
    const refreshedForBoth = cache.refresh();
    go();
    await refreshed;
    expect(users.asked).toEqual([[1]]);
    expect([undefined, 1, 2].map((id) => cache.isFresh(id))).toEqual([false, true, false]);
    expect(cache.of(2)).toBeUndefined();
    await refreshedForBoth;
    expect(users.asked).toEqual([[1], [1, 2]]);
    expect([undefined, 1, 2].map((id) => cache.isFresh(id))).toEqual([true, true, true]);
    expect(cache.of(2)).toBeDefined();
    vi.advanceTimersByTime(1_000);
    expect(cache.isFresh(1)).toBe(false);
  });

  it('keeps nobody waiting while new users come with each statement', async () => {
    cache.watch(1);
    let last = 1;
    users.onAsked = () => last < 100 && cache.watch(++last);
    await cache.refresh();
    await cache.refresh();
    expect(users.asked).toEqual([[1], [1, 2]]);
  });

  it('reads once for all who wait', async () => {
    cache.watch(1);
    await Promise.all([cache.refresh(), cache.refresh(), cache.refresh()]);
    expect(users.asked).toHaveLength(1);
  });

  it('reads them again if any were changed, and not otherwise', async () => {
    users.change = '7';
    for (const id of [1, 2]) cache.watch(id);
    await cache.refresh();
    for (let n = 0; n < 5; n++) {
      vi.advanceTimersByTime(1_000);
      expect(cache.isFresh()).toBe(false);
      await cache.refresh();
      expect(cache.isFresh()).toBe(true);
    }
    expect(users.asked).toEqual([[1, 2]]);
    expect(users.checks).toBe(6);
    users.rows = [{ id: '1', networks: ['9'], types: null }];
    users.change = '6';
    vi.advanceTimersByTime(1_000);
    await cache.refresh();
    expect(users.asked).toHaveLength(2);
    expect([1, 2].map((id) => cache.of(id))).toEqual([{ networkIds: [9], deviceTypeIds: null }, undefined]);
  });

  it('reads them every ten seconds, whatever seems to have changed', async () => {
    users.change = '7';
    cache.watch(1);
    for (let n = 0; n <= 20; n++) {
      await cache.refresh();
      vi.advanceTimersByTime(1_000);
    }
    expect(users.asked).toHaveLength(3);
  });

  it('reads those of new users alone if none were changed', async () => {
    users.change = '7';
    for (const id of [1, 2]) cache.watch(id);
    await cache.refresh();
    cache.watch(3);
    expect(cache.isFresh()).toBe(false);
    await cache.refresh();
    expect(users.asked).toEqual([[1, 2], [3]]);
    expect([1, 2, 3].map((id) => cache.of(id)?.networkIds)).toEqual([[1], [2], [3]]);
    users.rows = [];
    cache.unwatch(3);
    cache.watch(3);
    await cache.refresh();
    expect(users.asked.at(-1)).toEqual([3]);
    expect(cache.of(3)).toBeUndefined();
  });

  it('is content with what was read from now on, however long that took', async () => {
    users.change = '7';
    cache.watch(1);
    const go = users.pause();
    const refreshed = cache.refresh();
    await users.areAsked();
    vi.advanceTimersByTime(5_000);
    go();
    await refreshed;
    expect(users.asked).toHaveLength(1);
    expect(cache.isFresh()).toBe(false);
  });

  it('is not content with what was begun to be read before', async () => {
    users.change = '7';
    cache.watch(1);
    const go = users.pause();
    const first = cache.refresh();
    await users.areAsked();
    vi.advanceTimersByTime(5_000);
    users.change = '8';
    const second = cache.refresh();
    go();
    await Promise.all([first, second]);
    expect(users.asked).toHaveLength(2);
  });

  it('asks no more, and never resolves, once the database is closed', async () => {
    const refreshed = vi.fn<() => void>();
    cache.watch(1);
    users.isInitialized = false;
    void cache.refresh().then(refreshed);
    await new Promise(setImmediate);
    expect(users.asked).toHaveLength(0);
    expect(refreshed).not.toHaveBeenCalled();
  });

  it('waits while the database is away, asks now and then, and says why', async () => {
    vi.useRealTimers();
    const error = vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    cache.watch(1);
    users.failures = 2;
    const startedAt = performance.now();
    await cache.refresh();
    expect(performance.now() - startedAt).toBeGreaterThan(300);
    expect(users.asked).toHaveLength(3);
    expect(cache.of(1)).toEqual({ networkIds: [1], deviceTypeIds: null });
    expect(error).toHaveBeenCalled();
  });
});
