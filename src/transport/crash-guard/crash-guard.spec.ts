import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Delivery } from '../link/request-channel.js';
import { CrashGuard } from './crash-guard.js';
import { RunFile } from './run-record.js';

const MINUTE_MS = 60_000;
let folder: string;
let path: string;
let warnings: string[];

beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(join(tmpdir(), 'crash-guard-'));
  path = join(folder, 'run.json');
  warnings = [];
  vi.spyOn(Logger.prototype, 'warn').mockImplementation((text) => void warnings.push(String(text)));
  vi.spyOn(Logger.prototype, 'log').mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

/** A process that serves. It is killed by not being used any more. */
function start(redeliversFirst = true): CrashGuard {
  const guard = new CrashGuard(path, redeliversFirst);
  guard.begin();
  return guard;
}

function startAfter(uncleanStops: number, redeliversFirst = true): CrashGuard {
  for (let i = 0; i < uncleanStops; i++) start();
  return start(redeliversFirst);
}

/** A process that is killed while a request is at work. */
async function dieOf(name: string): Promise<void> {
  void work(start()).run(name);
  await settle();
  expect(noted()).toBeDefined();
}

const request = (payload: string, dup = true, clientId = 'c'): Delivery =>
  ({ origin: { clientId }, packet: { payload: Buffer.from(payload), qos: 1, dup } }) as unknown as Delivery;

/** Has requests run that do not end by themselves. */
function work(guard: CrashGuard) {
  const running = new Map<string, () => void>();
  return {
    running: () => [...running.keys()],
    run(name: string, delivery = request(name)): Promise<void> {
      return guard.run(delivery, () => new Promise((resolve) => running.set(name, resolve)));
    },
    async end(name: string): Promise<void> {
      running.get(name)!();
      running.delete(name);
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}
const settle = () => vi.advanceTimersByTimeAsync(0);
const noted = () => new RunFile(path).read()?.alone;

describe('requests', () => {
  it('run side by side, and none is noted, after one unclean stop', async () => {
    const { run, running } = work(startAfter(1));
    void run('a');
    void run('b');
    await settle();
    expect(running()).toEqual(['a', 'b']);
    expect(noted()).toBeUndefined();
  });

  it('run one at a time after two, each noted while it runs', async () => {
    const { run, running, end } = work(startAfter(2));
    void run('a');
    void run('b');
    await settle();
    expect(running()).toEqual(['a']);
    const first = noted();
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    await end('a');
    expect(running()).toEqual(['b']);
    expect(noted()).toMatch(/^[0-9a-f]{32}$/);
    expect(noted()).not.toBe(first);
    await end('b');
    expect(noted()).toBeUndefined();
    expect(warnings).toEqual(['2 unclean stops in a row: requests run one at a time']);
  });

  it('that fail give their turn on', async () => {
    const guard = startAfter(2);
    await expect(guard.run(request('a'), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(guard.run(request('b'), () => Promise.resolve('done'))).resolves.toBe('done');
    expect(noted()).toBeUndefined();
  });

  it('run side by side again from the first new one on, where a broker sends again first', async () => {
    const guard = startAfter(2);
    const { run, running, end } = work(guard);
    for (const name of ['a', 'b']) void run(name);
    for (const name of ['c', 'd']) void run(name, request(name, false));
    void run('e');
    await settle();
    expect(running()).toEqual(['a']);
    expect(guard.sideBySideSince).toBe(Infinity);
    await end('a');
    await end('b');
    expect(running()).toEqual(['c', 'd', 'e']);
    expect(noted()).toBeUndefined();
    expect(guard.sideBySideSince).toBeLessThanOrEqual(performance.now());
  });

  it('run one at a time for a minute where a broker does not, even if one never ends', async () => {
    const { run, running, end } = work(startAfter(2, false));
    for (const name of ['a', 'b', 'c', 'd']) void run(name, request(name, false));
    await vi.advanceTimersByTimeAsync(MINUTE_MS - 1);
    await end('a');
    expect(running()).toEqual(['b']);
    await vi.advanceTimersByTimeAsync(1);
    expect(running()).toEqual(['b', 'c', 'd']);
    expect(noted()).toBeUndefined();
  });
});

describe('a request', () => {
  it('is refused once it was alone at work at two unclean stops, as long as it is the same', async () => {
    startAfter(1);
    for (let i = 0; i < 2; i++) {
      expect(start().refuses(request('a'))).toBe(false);
      await dieOf('a');
    }
    const guard = start();
    expect(guard.refuses(request('a'))).toBe(true);
    expect(guard.refuses(request('a', false))).toBe(true);
    expect(guard.refuses(request('b'))).toBe(false);
    expect(guard.refuses(request('a', true, 'other'))).toBe(false);
  });

  it('is refused with another one that crashes the process in between', async () => {
    startAfter(1);
    for (const name of ['a', 'b', 'a', 'b']) await dieOf(name);
    const guard = start();
    expect(guard.refuses(request('a'))).toBe(true);
    expect(guard.refuses(request('b'))).toBe(true);
  });

  it('is executed where it ended before each stop', async () => {
    startAfter(1);
    for (let i = 0; i < 4; i++) {
      const { run, end } = work(start());
      void run('a');
      await settle();
      await end('a');
    }
    expect(start().refuses(request('a'))).toBe(false);
  });

  it('gets another chance after a clean stop, and after a minute', async () => {
    startAfter(1);
    await dieOf('a');
    await dieOf('a');
    const guard = start();
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    expect(guard.refuses(request('a'))).toBe(false);
    expect(start().refuses(request('a'))).toBe(false);
    start().end();
    expect(existsSync(path)).toBe(false);
    expect(start().sideBySideSince).toBe(-Infinity);
  });
});

describe('an unclean stop', () => {
  it('a minute after the start counts, those before it do not', async () => {
    startAfter(5);
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    expect(start().sideBySideSince).toBe(-Infinity);
    expect(start().sideBySideSince).toBe(Infinity);
  });

  it('is not what a process does that stands by and serves again', () => {
    const guard = start();
    for (let i = 0; i < 5; i++) {
      guard.leave();
      guard.begin();
      guard.begin();
    }
    expect(guard.sideBySideSince).toBe(-Infinity);
  });

  it('of a process that has left is not noted over the one that serves now', async () => {
    const guard = startAfter(2);
    const { run, end } = work(guard);
    void run('a');
    await settle();
    guard.leave();
    start();
    const { run: theirs } = new RunFile(path).read()!;
    await end('a');
    guard.end();
    await vi.advanceTimersByTimeAsync(1);
    expect(new RunFile(path).read()!.run).toBe(theirs);
  });
});

describe('the file', () => {
  it.each(['', '{"run":"x","uncle', 'garbage', '{}'])('is begun anew where it holds %j', (text) => {
    startAfter(2);
    writeFileSync(path, text);
    expect(start().sideBySideSince).toBe(-Infinity);
    expect(warnings.filter((line) => line.includes(path))).toHaveLength(1);
    expect(new RunFile(path).read()!.uncleanStops).toBe(1);
  });

  it('may be missing for good: one warning, and requests run side by side', async () => {
    const blocked = join(folder, 'file');
    writeFileSync(blocked, '');
    const guard = new CrashGuard(join(blocked, 'run.json'), true);
    for (let i = 0; i < 3; i++) guard.begin();
    await expect(guard.run(request('a'), () => Promise.resolve('done'))).resolves.toBe('done');
    guard.end();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('ENOTDIR');
  });

  it('may become unwritable: one warning, requests run side by side, and nobody is accused', async () => {
    const guard = startAfter(2);
    rmSync(path);
    mkdirSync(path);
    const { run, running } = work(guard);
    for (const name of ['a', 'b', 'c']) void run(name);
    await settle();
    expect(running()).toEqual(['a', 'b', 'c']);
    guard.end();
    expect(warnings.filter((line) => line.includes(path))).toHaveLength(1);
  });
});
