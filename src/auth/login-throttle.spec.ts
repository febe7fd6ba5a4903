import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ActionError, invalidCredentials } from '../protocol/action-error.js';
import { CONNECT_LIMITS, LoginThrottle, REQUEST_LIMITS } from './login-throttle.js';

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
    const run = throttle.run(login, address, CONNECT_LIMITS, () => ((triedAt = Date.now()), attempt()));
    await Promise.allSettled([run, vi.runAllTimersAsync()]);
    return triedAt - askedAt;
  }

  async function fail(times: number, login: (i: number) => string, address: string): Promise<void> {
    for (let i = 0; i < times; i++) await waitOf(login(i), address, wrong);
  }

  it('gives the result of the attempt, or what it throws', async () => {
    await expect(throttle.run('ann', '192.0.2.1', CONNECT_LIMITS, right)).resolves.toBe('in');
    await expect(throttle.run('ann', '192.0.2.1', CONNECT_LIMITS, wrong)).rejects.toMatchObject({
      code: 401,
    });
  });

  it('waits longer after each failure beyond the fifth, five seconds at most', async () => {
    const waits: number[] = [];
    for (let i = 0; i < 14; i++) waits.push(await waitOf('ann', '192.0.2.1', wrong));
    expect(waits.slice(0, 11)).toEqual([0, 0, 0, 0, 0, 0, 100, 200, 400, 800, 1600]);
    expect(Math.min(...waits.slice(11))).toBeGreaterThanOrEqual(1600);
    expect(Math.max(...waits)).toBeLessThanOrEqual(5000);
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
    await Promise.all(
      ['a', 'b', 'c'].map((name) => throttle.run('ann', '192.0.2.1', CONNECT_LIMITS, attempt(name))),
    );
    expect(events).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  it('tries one password at a time for an address, and others beside it', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const events: string[] = [];
    const first = throttle.run('ann', '192.0.2.1', CONNECT_LIMITS, () => held);
    const second = throttle.run('bob', '192.0.2.1', CONNECT_LIMITS, async () => void events.push('bob'));
    await throttle.run('cat', '192.0.2.2', CONNECT_LIMITS, async () => void events.push('cat'));
    release();
    await Promise.all([first, second]);
    expect(events).toEqual(['cat', 'bob']);
  });

  it('refuses what would wait beyond the limits of its kind, and lets others in', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const waiting = Array.from({ length: REQUEST_LIMITS.attempts }, (_, i) =>
      throttle.run(`user${i}`, '192.0.2.1', REQUEST_LIMITS, () => held),
    );
    await expect(throttle.run('ann', '192.0.2.1', REQUEST_LIMITS, right)).rejects.toMatchObject({
      code: 503,
    });
    await expect(throttle.run('ann', '192.0.2.2', CONNECT_LIMITS, right)).resolves.toBe('in');
    release();
    await Promise.all(waiting);
    await expect(throttle.run('ann', '192.0.2.1', REQUEST_LIMITS, right)).resolves.toBe('in');
  });

  it('refuses a request beyond sixteen that are delayed, and nobody from elsewhere', async () => {
    await fail(8, () => 'ann', '192.0.2.1');
    const delayed = Array.from({ length: REQUEST_LIMITS.delayed }, () =>
      throttle.run('ann', '192.0.2.1', REQUEST_LIMITS, right),
    );
    await expect(throttle.run('ann', '192.0.2.1', REQUEST_LIMITS, right)).rejects.toMatchObject({
      code: 503,
    });
    await expect(throttle.run('ann', '192.0.2.2', REQUEST_LIMITS, right)).resolves.toBe('in');
    await vi.runAllTimersAsync();
    await Promise.all(delayed);
  });

  it('forgives an address one failure in three seconds', async () => {
    await fail(21, (i) => `user${i}`, '192.0.2.1');
    vi.advanceTimersByTime(3_001);
    expect(await waitOf('ann', '192.0.2.1', right)).toBe(0);
  });
});
