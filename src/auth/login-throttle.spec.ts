import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ActionError, invalidCredentials } from '../protocol/action-error.js';
import { CONNECT_LIMITS, LoginThrottle, REQUEST_LIMITS } from './login-throttle.js';

const wrong = () => Promise.reject(invalidCredentials());
const right = () => Promise.resolve('in');
const never = () => Promise.reject(new Error('a refused attempt compares no password'));

function hold(): { held: Promise<void>; release: () => void } {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  return { held, release };
}

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
    await Promise.all(
      ['a', 'b', 'c'].map((name) => throttle.run('ann', '192.0.2.1', CONNECT_LIMITS, attempt(name))),
    );
    expect(events).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  /** How many attempts of different logins run at the same time. */
  async function atOnce(address: string): Promise<number> {
    let running = 0;
    let most = 0;
    const attempt = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 70));
      running--;
    };
    const logins = ['ann', 'bob', 'cat', 'dan'];
    const runs = logins.map((login) => throttle.run(login, address, CONNECT_LIMITS, attempt));
    await vi.runAllTimersAsync();
    await Promise.all(runs);
    return most;
  }

  it('checks two passwords of an address at once, and one while the address is delayed', async () => {
    expect(await atOnce('192.0.2.1')).toBe(2);
    await fail(25, (i) => `user${i}`, '192.0.2.2');
    expect(await atOnce('192.0.2.2')).toBe(1);
  });

  it('keeps others beside an address that takes long', async () => {
    const { held, release } = hold();
    const first = ['ann', 'bob'].map((login) => throttle.run(login, '192.0.2.1', CONNECT_LIMITS, () => held));
    await expect(throttle.run('cat', '192.0.2.2', CONNECT_LIMITS, right)).resolves.toBe('in');
    release();
    await Promise.all(first);
  });

  it('refuses what would wait beyond the limits of its kind, and lets others in', async () => {
    const { held, release } = hold();
    const waiting = [CONNECT_LIMITS, REQUEST_LIMITS].flatMap((limits) =>
      Array.from({ length: limits.logins }, (_, i) =>
        throttle.run(`user${i}`, '192.0.2.1', limits, () => held),
      ),
    );
    for (const limits of [CONNECT_LIMITS, REQUEST_LIMITS]) {
      await expect(throttle.run('ann', '192.0.2.1', limits, never)).rejects.toMatchObject({ code: 503 });
      await expect(throttle.run('ann', '192.0.2.2', limits, right)).resolves.toBe('in');
    }
    release();
    await Promise.all(waiting);
    await expect(throttle.run('bob', '192.0.2.1', REQUEST_LIMITS, right)).resolves.toBe('in');
  });

  it('answers requests of others while hundreds of CONNECTs wait', async () => {
    const { held, release } = hold();
    const waiting = Array.from({ length: 300 }, (_, i) =>
      throttle.run(`user${i}`, '192.0.2.1', CONNECT_LIMITS, () => held),
    );
    await expect(throttle.run('ann', '192.0.2.2', REQUEST_LIMITS, right)).resolves.toBe('in');
    release();
    await Promise.all(waiting);
  });

  it('keeps half of what may wait for addresses that have not failed', async () => {
    for (let i = 0; i < 300; i++) await waitOf('guessed', `192.0.2.${i}`, wrong);
    const { held, release } = hold();
    const waiting = Array.from({ length: 300 }, (_, i) =>
      throttle.run('guessed', `192.0.2.${i}`, REQUEST_LIMITS, () => held),
    );
    await expect(throttle.run('ann', '198.51.100.1', REQUEST_LIMITS, right)).resolves.toBe('in');
    release();
    const [results] = await Promise.all([Promise.allSettled(waiting), vi.runAllTimersAsync()]);
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(REQUEST_LIMITS.attempts / 2);
  });

  it('lets a fleet of one account in, also when it is larger than what may wait', async () => {
    const fleet = Array.from({ length: 2 * CONNECT_LIMITS.logins }, () =>
      throttle.run('fleet', '192.0.2.1', CONNECT_LIMITS, right),
    );
    expect(new Set(await Promise.all(fleet))).toEqual(new Set(['in']));
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

  it('forgives an address within six minutes, however often it has failed', async () => {
    await fail(200, (i) => `user${i}`, '192.0.2.1');
    vi.advanceTimersByTime(360_000);
    expect(await waitOf('ann', '192.0.2.1', right)).toBe(0);
  });

  it('refuses all but sixteen attempts of an address that is delayed', async () => {
    await fail(30, (i) => `user${i}`, '192.0.2.1');
    const flood = Array.from({ length: 300 }, (_, i) =>
      throttle.run(`user${i % 30}`, '192.0.2.1', CONNECT_LIMITS, right),
    );
    const [results] = await Promise.all([Promise.allSettled(flood), vi.runAllTimersAsync()]);
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(CONNECT_LIMITS.delayed);
  });

  it('compares no more guesses of one address in a minute than one after the other would be', async () => {
    // 60 s of hashes of 70 ms, one after the other: what an address got before attempts were refused.
    const ONE_AFTER_THE_OTHER = 857;
    let guesses = 0;
    const guess = async () => {
      guesses++;
      await new Promise((resolve) => setTimeout(resolve, 70));
      return wrong();
    };
    const until = Date.now() + 60_000;
    const attackers = Array.from({ length: 300 }, async (_, i) => {
      while (Date.now() < until) {
        await throttle.run(`user${i}`, '192.0.2.1', CONNECT_LIMITS, guess).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    });
    await vi.advanceTimersByTimeAsync(60_000);
    const inAMinute = guesses;
    await vi.runAllTimersAsync();
    await Promise.all(attackers);
    expect(inAMinute).toBeLessThan(ONE_AFTER_THE_OTHER / 2);
  });

  describe('with a pair of login and address that succeeded before', () => {
    beforeEach(async () => {
      await waitOf('ann', '192.0.2.1', right);
      await fail(40, (i) => `user${i}`, '192.0.2.1');
    });

    it('lets it pass before the delay and the queue of its address', async () => {
      const { held, release } = hold();
      const delayed = Array.from({ length: CONNECT_LIMITS.delayed }, (_, i) =>
        throttle.run(`user${i}`, '192.0.2.1', CONNECT_LIMITS, () => held),
      );
      await expect(throttle.run('bob', '192.0.2.1', CONNECT_LIMITS, never)).rejects.toMatchObject({
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
      const runs = Array.from({ length: 300 }, () => throttle.run('ann', '192.0.2.1', CONNECT_LIMITS, guess));
      const codes = (await Promise.allSettled(runs)).map(
        (run) => run.status === 'rejected' && run.reason.code,
      );
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
        await throttle.run('guessed', `2001:db8::${i}`, CONNECT_LIMITS, wrong).catch(() => undefined);
      }
      await fail(40, (i) => `user${i}`, '192.0.2.1');
      expect(await waitOf('ann', '192.0.2.1', right)).toBe(0);
    });
  });

  it('forgets no failures because of attempts that it refuses', async () => {
    await fail(40, (i) => `user${i}`, '192.0.2.1');
    await fail(8, () => 'bob', '192.0.2.2');
    const delayed = Array.from({ length: REQUEST_LIMITS.delayed }, (_, i) =>
      throttle.run(`user${i}`, '192.0.2.1', REQUEST_LIMITS, right),
    );
    for (let i = 0; i < 11_000; i++) {
      const refused = throttle.run(`other${i}`, '192.0.2.1', REQUEST_LIMITS, never);
      await expect(refused).rejects.toMatchObject({ code: 503 });
    }
    expect(await waitOf('bob', '192.0.2.2', right)).toBe(400);
    await Promise.all(delayed);
  });
});
