import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ThrottledLogins } from '../../test/support/throttled-logins.js';
import { type HashOwner, HashQueue } from './hash-queue.js';
import { CONNECT_LIMITS } from './login-throttle.js';

const { right, wrong, never, hold } = ThrottledLogins;

describe('A pair of login and address that succeeded before', () => {
  let logins: ThrottledLogins;
  const run: ThrottledLogins['run'] = (...attempt) => logins.run(...attempt);
  const waitOf: ThrottledLogins['waitOf'] = (...attempt) => logins.waitOf(...attempt);
  const fail: ThrottledLogins['fail'] = (...attempts) => logins.fail(...attempts);

  beforeEach(() => {
    vi.useFakeTimers();
    logins = new ThrottledLogins();
  });
  afterEach(() => void vi.useRealTimers());

  beforeEach(async () => {
    await waitOf('ann', '192.0.2.1', right);
    await fail(40, (i) => `user${i}`, '192.0.2.1');
  });

  it('lets it pass before the delay and the queue of its address', async () => {
    const { held, release } = hold();
    const delayed = Array.from({ length: CONNECT_LIMITS.delayed }, (_, i) =>
      run(`user${i}`, '192.0.2.1', CONNECT_LIMITS, () => held),
    );
    await expect(run('bob', '192.0.2.1', CONNECT_LIMITS, never)).rejects.toMatchObject({
      code: 503,
    });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await waitOf('ann', '192.0.2.1', right)).toBe(0);
    release();
    await Promise.all(delayed);
  });

  it('gives five guesses, and more only after a success', async () => {
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) waits.push(await waitOf('ann', '192.0.2.1', wrong));
    expect(waits).toEqual([0, 0, 0, 0, 0]);
    expect(await waitOf('ann', '192.0.2.1', wrong)).toBeGreaterThan(1_000);
    vi.advanceTimersByTime(600_000);
    await fail(40, (i) => `user${i}`, '192.0.2.1');
    expect(await waitOf('ann', '192.0.2.1', right)).toBeGreaterThan(1_000);
    expect(await waitOf('ann', '192.0.2.1', right)).toBe(0);
  });

  it('gives no more than five guesses at once, and refuses the rest', async () => {
    let guesses = 0;
    const guess = () => (guesses++, wrong());
    const runs = Array.from({ length: 300 }, () => run('ann', '192.0.2.1', CONNECT_LIMITS, guess));
    const codes = (await Promise.allSettled(runs)).map((run) => run.status === 'rejected' && run.reason.code);
    expect(guesses).toBe(5);
    expect(codes).toEqual([...Array(5).fill(401), ...Array(295).fill(503)]);
  });

  it('counts its failures for the address, as any other', async () => {
    for (let i = 0; i < 21; i++) {
      await waitOf('bob', '192.0.2.9', right);
      await waitOf('bob', '192.0.2.9', wrong);
    }
    expect(await waitOf('cat', '192.0.2.9', right)).toBe(100);
  });

  it('is not known at another address', async () => {
    await fail(40, (i) => `user${i}`, '192.0.2.2');
    expect(await waitOf('ann', '192.0.2.2', right)).toBeGreaterThan(1_000);
  });

  it('remembers it through a flood of wrong logins', async () => {
    for (let i = 0; i < 11_000; i++) {
      await run('guessed', `2001:db8:0:${i.toString(16)}::1`, CONNECT_LIMITS, wrong).catch(() => undefined);
    }
    await fail(40, (i) => `user${i}`, '192.0.2.1');
    expect(await waitOf('ann', '192.0.2.1', right)).toBe(0);
  });

  it('hashes before others, but not for a minute after a failure, whatever succeeded since', async () => {
    const ranks: string[] = [];
    const noted = (attempt: () => Promise<unknown>) => (owner: HashOwner) => (
      ranks.push(owner.rank),
      attempt()
    );
    await waitOf('ann', '192.0.2.1', noted(right));
    for (let i = 0; i < 2; i++) await waitOf('ann', '192.0.2.1', noted(wrong));
    await waitOf('ann', '192.0.2.1', noted(right));
    await waitOf('ann', '192.0.2.1', noted(right));
    vi.advanceTimersByTime(60_001);
    await waitOf('ann', '192.0.2.1', noted(right));
    expect(ranks).toEqual(['known', 'known', 'failed', 'failed', 'failed', 'known']);
  });

  it('keeps no other address waiting, also if its owner mixes wrong passwords with right ones', async () => {
    const queue = new HashQueue(2);
    const hashed = (attempt: () => Promise<unknown>) => (owner: HashOwner) =>
      queue.run(owner, async () => {
        await new Promise((resolve) => setTimeout(resolve, 70));
        return attempt();
      });
    const addresses = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4'];
    for (const address of addresses) await waitOf('owner', address, right);
    const over = new AbortController();
    const owners = addresses.map(async (address) => {
      for (let i = 1; !over.signal.aborted; i++) {
        const attempt = i % 5 === 0 ? right : hashed(wrong);
        await run('owner', address, CONNECT_LIMITS, attempt).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    });
    await vi.advanceTimersByTimeAsync(5_000);
    const newcomer = vi.fn<(result: unknown) => void>();
    void run('bob', '203.0.113.1', CONNECT_LIMITS, hashed(right)).then(newcomer);
    await vi.advanceTimersByTimeAsync(150);
    expect(newcomer).toHaveBeenCalledWith('in');
    over.abort();
    await vi.runAllTimersAsync();
    await Promise.all(owners);
  });
});
