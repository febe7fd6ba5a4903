import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RefusalLog } from './refusal-log.js';

let lines: string[];
let log: RefusalLog;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  for (const level of ['log', 'warn', 'error'] as const) {
    vi.spyOn(Logger.prototype, level).mockImplementation((...parts: unknown[]) => {
      lines.push([level, ...parts].join(' '));
    });
  }
  log = new RefusalLog();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('RefusalLog', () => {
  it('shows the first refusal of each client at once, and the number of the others after a minute', () => {
    for (let i = 1; i <= 65_535; i++) log.refused('a', () => `a ${i}`);
    log.refused('b', () => 'b 1');
    expect(lines).toEqual(['log a 1', 'log b 1']);
    vi.advanceTimersByTime(60_000);
    expect(lines.slice(2)).toEqual(['log client "a": 65534 more within a minute, the last: a 65535']);
    log.refused('a', () => 'a again');
    expect(lines.at(-1)).toBe('log a again');
  });

  it('shows an error of a client that was refused before, with its reason', () => {
    log.refused('a', () => 'refused');
    log.failed('a', () => 'failed', 'reason');
    log.failed('a', () => 'failed again', 'reason');
    expect(lines).toEqual(['log refused', 'error failed reason']);
    vi.advanceTimersByTime(60_000);
    expect(lines.slice(2)).toEqual(['error client "a": 1 more within a minute, the last: failed again']);
  });

  it('shows lines of 100 clients in an interval, and how many refusals it does not show', () => {
    for (let i = 0; i < 10_000; i++) log.refused(`client-${i}`, () => 'refused');
    expect(lines).toHaveLength(100);
    vi.advanceTimersByTime(60_000);
    expect(lines.slice(100)).toEqual(['warn 9900 refusals of more clients within a minute are not shown']);
  });

  it('shows what it has counted when the application ends', () => {
    log.refused('a', () => '1');
    log.refused('a', () => '2');
    log.onApplicationShutdown();
    expect(lines.at(-1)).toBe('log client "a": 1 more within a minute, the last: 2');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('makes a line that it may show later at once, so that it keeps no request', () => {
    const line = vi.fn<() => string>(() => 'again');
    log.refused('a', () => 'first');
    log.refused('a', line);
    expect(line).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(60_000);
    expect(line).toHaveBeenCalledTimes(1);
    expect(lines.at(-1)).toContain('the last: again');
  });
});
