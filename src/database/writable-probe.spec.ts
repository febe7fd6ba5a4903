import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ReadOnlyDatabase } from './read-only-database.js';
import { WritableProbe } from './writable-probe.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

let attempts = 0;
const readOnly = async () => {
  attempts++;
  throw new ReadOnlyDatabase();
};
const writable = async () => ++attempts;
beforeEach(() => (attempts = 0));

it('connects for everybody while nothing is known', async () => {
  const probe = new WritableProbe();
  await Promise.all([probe.run(writable), probe.run(writable)]);
  expect(attempts).toBe(2);
});

it('refuses at once after a session that could not write, and tries again less and less often', async () => {
  const probe = new WritableProbe();
  const times: number[] = [];
  for (let now = 0; now < 5_000; now += 10) {
    const before = attempts;
    await expect(probe.run(readOnly)).rejects.toBeInstanceOf(ReadOnlyDatabase);
    if (attempts > before) times.push(now);
    vi.advanceTimersByTime(10);
  }
  expect(times).toEqual([0, 50, 150, 350, 750, 1_550, 2_550, 3_550, 4_550]);
});

it('tries with one connection at a time, and lets the others in when that one can write', async () => {
  const probe = new WritableProbe();
  await expect(probe.run(readOnly)).rejects.toBeInstanceOf(ReadOnlyDatabase);
  vi.advanceTimersByTime(1_000);
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  const first = probe.run(() => promise.then(writable));
  const others = [probe.run(writable), probe.run(writable)];
  expect(attempts).toBe(1);
  resolve();
  expect(await first).toBe(2);
  await Promise.all(others);
  expect(attempts).toBe(4);
});

it('does not take a database for read-only that it cannot reach any more', async () => {
  const probe = new WritableProbe();
  await expect(probe.run(readOnly)).rejects.toBeInstanceOf(ReadOnlyDatabase);
  vi.advanceTimersByTime(1_000);
  await expect(probe.run(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  expect(await probe.run(writable)).toBe(2);
});
