import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Tally } from './tally.js';

const MINUTE_MS = 60_000;
let lines: string[];
let tally: Tally<string>;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  tally = new Tally((count, last) => lines.push(`${count}, the last on ${last}`));
});
afterEach(() => vi.useRealTimers());

const add = (times: number) => {
  for (let i = 1; i <= times; i++) tally.add(`t${i}`);
};

describe('a Tally', () => {
  it('logs the first at once, and the others of its minute together at the end of it', () => {
    add(5);
    expect(lines).toEqual(['1, the last on t1']);
    vi.advanceTimersByTime(MINUTE_MS - 1);
    expect(lines).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(lines.slice(1)).toEqual(['4, the last on t5']);
  });

  it('logs one line a minute for as long as it goes on, and none after that', () => {
    for (let minute = 0; minute < 3; minute++) {
      add(2);
      vi.advanceTimersByTime(MINUTE_MS);
    }
    vi.advanceTimersByTime(10 * MINUTE_MS);
    const later = '2, the last on t2';
    expect(lines).toEqual(['1, the last on t1', '1, the last on t2', later, later]);
    add(1);
    expect(lines).toHaveLength(5);
  });

  it('counts all of them', () => {
    add(3);
    vi.advanceTimersByTime(2 * MINUTE_MS);
    add(4);
    expect(tally.count).toBe(7);
  });
});
