import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Tally } from './tally.js';

const MINUTE_MS = 60_000;
let lines: unknown[];
let tally: Tally;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  vi.spyOn(Logger.prototype, 'warn').mockImplementation((line) => void lines.push(line));
  tally = new Tally((count) => `${count} requests were passed over`);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const add = (times: number) => {
  for (let i = 0; i < times; i++) tally.add();
};

describe('a Tally', () => {
  it('logs the first request at once, and the others of its minute together at the end of it', () => {
    add(5);
    expect(lines).toEqual(['1 requests were passed over']);
    vi.advanceTimersByTime(MINUTE_MS - 1);
    expect(lines).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(lines.slice(1)).toEqual(['4 requests were passed over']);
  });

  it('logs one line a minute for as long as it goes on, and none after that', () => {
    for (let minute = 0; minute < 3; minute++) {
      add(2);
      vi.advanceTimersByTime(MINUTE_MS);
    }
    vi.advanceTimersByTime(10 * MINUTE_MS);
    expect(lines).toEqual([1, 1, 2, 2].map((count) => `${count} requests were passed over`));
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
