import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ActionError, invalidCredentials } from '../protocol/action-error.js';
import { LoginThrottle } from './login-throttle.js';

// Fake timers do not reach this module.
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
}));

const wrong = () => Promise.reject(invalidCredentials());
const right = () => Promise.resolve('in');

describe('LoginThrottle', () => {
  let throttle: LoginThrottle;

  beforeEach(() => {
    vi.useFakeTimers();
    throttle = new LoginThrottle();
  });
  afterEach(() => void vi.useRealTimers());

  /** Milliseconds that pass before the attempt is made. */
  async function waitOf(login: string, address: string, attempt: () => Promise<unknown>): Promise<number> {
    const askedAt = Date.now();
    let triedAt = NaN;
    const run = throttle.run(login, address, () => ((triedAt = Date.now()), attempt()));
    await Promise.allSettled([run, vi.runAllTimersAsync()]);
    return triedAt - askedAt;
  }

  async function fail(times: number, login: (i: number) => string, address: string): Promise<void> {
    for (let i = 0; i < times; i++) await waitOf(login(i), address, wrong);
  }

  it('gives the result of the attempt, or what it throws', async () => {
    await expect(throttle.run('ann', '192.0.2.1', right)).resolves.toBe('in');
    await expect(throttle.run('ann', '192.0.2.1', wrong)).rejects.toMatchObject({ code: 401 });
  });

  it('waits longer after each failure beyond the fifth, five seconds at most', async () => {
    const waits: number[] = [];
    for (let i = 0; i < 14; i++) waits.push(await waitOf('ann', '192.0.2.1', wrong));
    expect(waits).toEqual([0, 0, 0, 0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('lets the same account in from elsewhere, and others from the same address', async () => {
    await fail(8, () => 'ann', '192.0.2.1');
    expect(await waitOf('ann', '192.0.2.2', right)).toBe(0);
    expect(await waitOf('bob', '192.0.2.1', right)).toBe(0);
    expect(await waitOf('ann', '192.0.2.1', right)).toBe(400);
  });

  it('slows an address that guesses at many accounts', async () => {
    await fail(21, (i) => `user${i}`, '192.0.2.1');
    expect(await waitOf('ann', '192.0.2.1', right)).toBe(100);
    expect(await waitOf('ann', '192.0.2.2', right)).toBe(0);
  });

  it('forgives the account at a success', async () => {
    await fail(7, () => 'ann', '192.0.2.1');
    await waitOf('ann', '192.0.2.1', right);
    expect(await waitOf('ann', '192.0.2.1', wrong)).toBe(0);
  });

  it('does not forgive the address at a success', async () => {
    await fail(21, (i) => `user${i}`, '192.0.2.1');
    await waitOf('ann', '192.0.2.1', right);
    expect(await waitOf('ann', '192.0.2.1', right)).toBe(100);
  });

  it('forgets after a quiet minute', async () => {
    await fail(8, () => 'ann', '192.0.2.1');
    vi.advanceTimersByTime(60_001);
    expect(await waitOf('ann', '192.0.2.1', wrong)).toBe(0);
  });

  it('counts only refused credentials', async () => {
    const down = () => Promise.reject(new ActionError(503, 'Database is unavailable, try again'));
    for (let i = 0; i < 10; i++) await waitOf('ann', '192.0.2.1', down);
    expect(await waitOf('ann', '192.0.2.1', right)).toBe(0);
  });

  it('tries one password at a time for an account from an address, in order', async () => {
    const events: string[] = [];
    const attempt = (name: string) => async () => {
      events.push(`${name} starts`);
      await Promise.resolve();
      events.push(`${name} ends`);
    };
    await Promise.all(['a', 'b', 'c'].map((name) => throttle.run('ann', '192.0.2.1', attempt(name))));
    expect(events).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  it('refuses the attempt after a thousand that wait, and only for that account', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const waiting = Array.from({ length: 1000 }, () => throttle.run('ann', '192.0.2.1', () => held));
    await expect(throttle.run('ann', '192.0.2.1', right)).rejects.toMatchObject({ code: 503 });
    await expect(throttle.run('bob', '192.0.2.1', right)).resolves.toBe('in');
    release();
    await Promise.all(waiting);
    await expect(throttle.run('ann', '192.0.2.1', right)).resolves.toBe('in');
  });
});
