import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ThrottledLogins } from '../../test/support/throttled-logins.js';
import { ActionError } from '../protocol/action-error.js';
import { type HashOwner, HashQueue } from './hash-queue.js';
import { CONNECT_LIMITS, REQUEST_LIMITS } from './login-throttle.js';

const { right, wrong, never, hold } = ThrottledLogins;

describe('LoginThrottle', () => {
  let logins: ThrottledLogins;
  const run: ThrottledLogins['run'] = (...attempt) => logins.run(...attempt);
  const waitOf: ThrottledLogins['waitOf'] = (...attempt) => logins.waitOf(...attempt);
  const fail: ThrottledLogins['fail'] = (...attempts) => logins.fail(...attempts);

  beforeEach(() => {
    vi.useFakeTimers();
    logins = new ThrottledLogins();
  });
  afterEach(() => void vi.useRealTimers());

  it('gives the result of the attempt, or what it throws', async () => {
    await expect(run('ann', '192.0.2.1', CONNECT_LIMITS, right)).resolves.toBe('in');
    await expect(run('ann', '192.0.2.1', CONNECT_LIMITS, wrong)).rejects.toMatchObject({
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
    expect(await waitOf('bob', '192.0.2.1', right)).toBe(100);
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
    await Promise.all(['a', 'b', 'c'].map((name) => run('ann', '192.0.2.1', CONNECT_LIMITS, attempt(name))));
    expect(events).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  it('keeps others beside an address that takes long', async () => {
    const { held, release } = hold();
    const first = ['ann', 'bob'].map((login) => run(login, '192.0.2.1', CONNECT_LIMITS, () => held));
    await expect(run('cat', '192.0.2.2', CONNECT_LIMITS, right)).resolves.toBe('in');
    release();
    await Promise.all(first);
  });

  it('refuses what would wait beyond the limits of its kind, and lets others in', async () => {
    const { held, release } = hold();
    const waiting = [CONNECT_LIMITS, REQUEST_LIMITS].flatMap((limits) =>
      Array.from({ length: limits.logins }, (_, i) => run(`user${i}`, '192.0.2.1', limits, () => held)),
    );
    for (const limits of [CONNECT_LIMITS, REQUEST_LIMITS]) {
      await expect(run('ann', '192.0.2.1', limits, never)).rejects.toMatchObject({ code: 503 });
      await expect(run('ann', '192.0.2.2', limits, right)).resolves.toBe('in');
    }
    release();
    await Promise.all(waiting);
    await expect(run('bob', '192.0.2.1', REQUEST_LIMITS, right)).resolves.toBe('in');
  });

  it('answers requests of others while hundreds of CONNECTs wait', async () => {
    const { held, release } = hold();
    const waiting = Array.from({ length: 300 }, (_, i) =>
      run(`user${i}`, '192.0.2.1', CONNECT_LIMITS, () => held),
    );
    await expect(run('ann', '192.0.2.2', REQUEST_LIMITS, right)).resolves.toBe('in');
    release();
    await Promise.all(waiting);
  });

  it('keeps half of what may wait for addresses that have not failed', async () => {
    for (let i = 0; i < 300; i++) await waitOf('guessed', `192.0.2.${i}`, wrong);
    const { held, release } = hold();
    const waiting = Array.from({ length: 300 }, (_, i) =>
      run('guessed', `192.0.2.${i}`, REQUEST_LIMITS, () => held),
    );
    await expect(run('ann', '198.51.100.1', REQUEST_LIMITS, right)).resolves.toBe('in');
    release();
    const [results] = await Promise.all([Promise.allSettled(waiting), vi.runAllTimersAsync()]);
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(REQUEST_LIMITS.attempts / 2);
  });

  it('keeps places for others, however few addresses take what they can', async () => {
    const { held, release } = hold();
    const taken = Array.from({ length: 6 }, (_, address) =>
      Array.from({ length: REQUEST_LIMITS.logins }, (_one, i) =>
        run(`user${i}`, `192.0.2.${address}`, REQUEST_LIMITS, () => held),
      ),
    );
    await expect(run('ann', '198.51.100.1', REQUEST_LIMITS, right)).resolves.toBe('in');
    release();
    const results = await Promise.all(taken.map((ofAddress) => Promise.allSettled(ofAddress)));
    const served = results.map(
      (ofAddress) => ofAddress.filter(({ status }) => status === 'fulfilled').length,
    );
    expect(served).toEqual([128, 64, 32, 16, 8, 4]);
  });

  it('counts the addresses of one IPv6 network as one', async () => {
    for (let i = 0; i < 25; i++) await waitOf(`user${i}`, `2001:db8:0:1::${i}`, wrong);
    expect(await waitOf('ann', '2001:db8:0:1:ffff::1', right)).toBeGreaterThan(100);
    expect(await waitOf('ann', '2001:db8:0:2::1', right)).toBe(0);
  });

  describe('with attempts that wait', () => {
    const gone = () => {
      const connection = new AbortController();
      connection.abort(new ActionError(503, 'The connection has ended'));
      return connection.signal;
    };

    it('gives up those whose connection ends: behind one of the same login, and delayed', async () => {
      await fail(8, () => 'bob', '192.0.2.1');
      const { held, release } = hold();
      const connection = new AbortController();
      const { signal } = connection;
      const first = run('ann', '192.0.2.1', REQUEST_LIMITS, () => held);
      const waiting = ['ann', 'bob'].map((login) =>
        run(login, '192.0.2.1', REQUEST_LIMITS, never, signal).catch((error) => error),
      );
      connection.abort(new ActionError(503, 'The connection has ended'));
      for (const error of await Promise.all(waiting)) {
        expect(error).toMatchObject({ code: 503, message: 'The connection has ended' });
      }
      release();
      await first;
      expect(vi.getTimerCount()).toBe(0);
    });

    it('gives the places of those that were given up to others', async () => {
      const { held, release } = hold();
      const first = run('ann', '192.0.2.1', REQUEST_LIMITS, () => held);
      const connections = Array.from({ length: 100 }, () => new AbortController());
      const waiting = connections.map(({ signal }, i) =>
        run(i % 2 ? 'ann' : `user${i}`, '192.0.2.1', REQUEST_LIMITS, () => held, signal),
      );
      for (const connection of connections) connection.abort(new Error('gone'));
      release();
      await Promise.allSettled(waiting);
      await first;
      const next = Array.from({ length: REQUEST_LIMITS.logins }, (_, i) =>
        run(`user${i}`, '192.0.2.1', REQUEST_LIMITS, right),
      );
      expect(new Set(await Promise.all(next))).toEqual(new Set(['in']));
    });

    it('makes none of a connection that has ended before', async () => {
      await expect(run('ann', '192.0.2.1', CONNECT_LIMITS, never, gone())).rejects.toMatchObject({
        code: 503,
      });
    });

    it('gives all up when it stops, and takes no more', async () => {
      const { held, release } = hold();
      const first = run('ann', '192.0.2.1', CONNECT_LIMITS, () => held);
      const waiting = run('ann', '192.0.2.1', CONNECT_LIMITS, never).catch((error) => error);
      logins.throttle.stop();
      expect(await waiting).toMatchObject({ code: 503, message: 'Service is stopping, try again' });
      await expect(run('bob', '192.0.2.1', CONNECT_LIMITS, never)).rejects.toMatchObject({ code: 503 });
      release();
      await first;
    });
  });

  it('lets a fleet of one account in, also when it is larger than what may wait', async () => {
    const fleet = Array.from({ length: 2 * CONNECT_LIMITS.logins }, () =>
      run('fleet', '192.0.2.1', CONNECT_LIMITS, right),
    );
    expect(new Set(await Promise.all(fleet))).toEqual(new Set(['in']));
  });

  it('refuses a request beyond sixteen that are delayed, and nobody from elsewhere', async () => {
    await fail(8, () => 'ann', '192.0.2.1');
    const delayed = Array.from({ length: REQUEST_LIMITS.delayed }, () =>
      run('ann', '192.0.2.1', REQUEST_LIMITS, right),
    );
    await expect(run('ann', '192.0.2.1', REQUEST_LIMITS, right)).rejects.toMatchObject({
      code: 503,
    });
    await expect(run('ann', '192.0.2.2', REQUEST_LIMITS, right)).resolves.toBe('in');
    await vi.runAllTimersAsync();
    await Promise.all(delayed);
  });

  it('forgives an address one failure in three seconds', async () => {
    await fail(21, (i) => `user${i}`, '192.0.2.1');
    vi.advanceTimersByTime(3_001);
    expect(await waitOf('ann', '192.0.2.1', right)).toBe(0);
  });

  it('forgives an address within six minutes, however often it has failed', async () => {
    await fail(200, (i) => `user${i}`, '192.0.2.1');
    vi.advanceTimersByTime(360_000);
    expect(await waitOf('ann', '192.0.2.1', right)).toBe(0);
  });

  it('refuses all but sixteen attempts of an address that is delayed', async () => {
    await fail(30, (i) => `user${i}`, '192.0.2.1');
    const flood = Array.from({ length: 300 }, (_, i) =>
      run(`user${i % 30}`, '192.0.2.1', CONNECT_LIMITS, right),
    );
    const [results] = await Promise.all([Promise.allSettled(flood), vi.runAllTimersAsync()]);
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(CONNECT_LIMITS.delayed);
  });

  it('compares no more guesses of one address in a minute than one after the other would be', async () => {
    // 60 s of hashes of 70 ms, one after the other: what an address got before attempts were refused.
    const ONE_AFTER_THE_OTHER = 857;
    let guesses = 0;
    const queue = new HashQueue(2);
    const guess = (owner: HashOwner) =>
      queue.run(owner, async () => {
        guesses++;
        await new Promise((resolve) => setTimeout(resolve, 70));
        return wrong();
      });
    const until = Date.now() + 60_000;
    const attackers = Array.from({ length: 300 }, async (_, i) => {
      while (Date.now() < until) {
        await run(`user${i}`, '192.0.2.1', CONNECT_LIMITS, guess).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    });
    await vi.advanceTimersByTimeAsync(60_000);
    const inAMinute = guesses;
    await vi.runAllTimersAsync();
    await Promise.all(attackers);
    expect(inAMinute).toBeLessThan(ONE_AFTER_THE_OTHER);
  });

  it('forgets no failures because of attempts that it refuses', async () => {
    await fail(40, (i) => `user${i}`, '192.0.2.1');
    await fail(8, () => 'bob', '192.0.2.2');
    const delayed = Array.from({ length: REQUEST_LIMITS.delayed }, (_, i) =>
      run(`user${i}`, '192.0.2.1', REQUEST_LIMITS, right),
    );
    for (let i = 0; i < 11_000; i++) {
      const refused = run(`other${i}`, '192.0.2.1', REQUEST_LIMITS, never);
      await expect(refused).rejects.toMatchObject({ code: 503 });
    }
    expect(await waitOf('bob', '192.0.2.2', right)).toBe(400);
    await Promise.all(delayed);
  });
});
