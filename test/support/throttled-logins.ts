import { vi } from 'vitest';
import type { HashOwner } from '../../src/auth/hash-queue.js';
import { CONNECT_LIMITS, LoginThrottle } from '../../src/auth/login-throttle.js';
import type { LoginLimits } from '../../src/auth/waiting-attempts.js';
import { invalidCredentials } from '../../src/protocol/action-error.js';

type Attempt = (owner: HashOwner) => Promise<unknown>;

/** Login attempts at a throttle, with vitest's fake timers. */
export class ThrottledLogins {
  readonly throttle = new LoginThrottle();

  static readonly right = () => Promise.resolve('in');
  static readonly wrong = () => Promise.reject(invalidCredentials());
  static readonly never = () => Promise.reject(new Error('a refused attempt compares no password'));

  static hold(): { held: Promise<void>; release: () => void } {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    return { held, release };
  }

  run(
    login: string,
    address: string,
    limits: LoginLimits,
    attempt: Attempt,
    signal?: AbortSignal,
  ): Promise<unknown> {
    return this.throttle.run(login, signal ? { address, signal } : { address }, limits, attempt);
  }

  /** Milliseconds that pass before the attempt is made. */
  async waitOf(login: string, address: string, attempt: Attempt): Promise<number> {
    const askedAt = Date.now();
    let triedAt = NaN;
    const run = this.run(login, address, CONNECT_LIMITS, (owner) => ((triedAt = Date.now()), attempt(owner)));
    await Promise.allSettled([run, vi.runAllTimersAsync()]);
    return triedAt - askedAt;
  }

  async fail(times: number, login: (i: number) => string, address: string): Promise<void> {
    for (let i = 0; i < times; i++) await this.waitOf(login(i), address, ThrottledLogins.wrong);
  }
}
