import { ActionError } from '../protocol/action-error.js';
import { tooManyLogins } from './auth.errors.js';

/** Failures that cost nothing; each one more doubles the wait before the next attempt. */
const FREE_FAILURES = { account: 5, address: 20 };
/** One failure is forgiven in this time: a fleet behind one address is not punished for ever for one device. */
const FORGIVE_MS = 3_000;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
const MAX_KEYS = 10_000;

/** How many attempts may wait: for their delay (of one account and address, of one address), and in all. */
export interface LoginLimits {
  delayed: number;
  attempts: number;
}

/** A CONNECT holds its socket only, and a refused one is final for many clients. */
export const CONNECT_LIMITS: LoginLimits = { delayed: 1_000, attempts: 10_000 };
/** A request holds a place in work, which others need. */
export const REQUEST_LIMITS: LoginLimits = { delayed: 16, attempts: 256 };
/** On a broker of one's own all clients share one order of acknowledgements: nobody waits there. */
export const SHARED_LIMITS: LoginLimits = { delayed: 0, attempts: 64 };

class Attempts {
  private failures = 0;
  private failedAt = performance.now();
  delayed = 0;
  /** settles with the last attempt that entered; attempts of one account and address run one after the other */
  last: Promise<unknown> = Promise.resolve();
  private turn: Promise<unknown> = Promise.resolve();

  delay(free: number): number {
    const over = Math.ceil(this.current()) - free;
    return over > 0 ? Math.min(FIRST_DELAY_MS * 2 ** (over - 1), MAX_DELAY_MS) : 0;
  }

  fail(): void {
    this.failures = this.current() + 1;
    this.failedAt = performance.now();
  }

  /** One attempt of an address at a time, so that many of one do not keep those of others waiting. */
  async inTurn<T>(attempt: () => Promise<T>): Promise<T> {
    const done = this.turn.then(attempt);
    this.turn = done.catch(() => undefined);
    return done;
  }

  succeed(): void {
    this.failures = 0;
  }

  private current(): number {
    return Math.max(0, this.failures - (performance.now() - this.failedAt) / FORGIVE_MS);
  }
}

/**
 * Slows down who guesses passwords, by account and address together and by address alone, and locks nobody
 * out: the account's owner logs in from elsewhere as ever, and a fleet behind one address that knows its
 * password is not slowed.
 */
export class LoginThrottle {
  private readonly attempts = new Map<string, Attempts>();
  private running = 0;

  /**
   * Runs a login attempt once it is its turn. Attempts for one account from one address never run in
   * parallel, so that sending many at once gains nothing.
   * @throws what the attempt throws (a 401 counts as a failure); 503 where too many wait already
   */
  async run<T>(login: string, address: string, limits: LoginLimits, attempt: () => Promise<T>): Promise<T> {
    const account = this.entry(`${address} ${login}`);
    const peer = this.entry(address);
    const isDelayed = account.delay(FREE_FAILURES.account) > 0 || peer.delay(FREE_FAILURES.address) > 0;
    const isCrowded = isDelayed && Math.max(account.delayed, peer.delayed) >= limits.delayed;
    if (this.running >= limits.attempts || isCrowded) {
      throw tooManyLogins();
    }
    this.running++;
    if (isDelayed) for (const key of [account, peer]) key.delayed++;
    const turn = account.last.then(() => this.tryOnce(account, peer, attempt));
    account.last = turn.catch(() => undefined);
    return turn.finally(() => {
      this.running--;
      if (isDelayed) for (const key of [account, peer]) key.delayed--;
    });
  }

  private async tryOnce<T>(account: Attempts, peer: Attempts, attempt: () => Promise<T>): Promise<T> {
    const wait = Math.max(account.delay(FREE_FAILURES.account), peer.delay(FREE_FAILURES.address));
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      const result = await peer.inTurn(attempt);
      account.succeed();
      return result;
    } catch (error) {
      if (error instanceof ActionError && error.code === 401) for (const key of [account, peer]) key.fail();
      throw error;
    }
  }

  /** Over the bound the key that was longest unused goes. */
  private entry(key: string): Attempts {
    const entry = this.attempts.get(key) ?? new Attempts();
    this.attempts.delete(key);
    this.attempts.set(key, entry);
    if (this.attempts.size > MAX_KEYS) this.attempts.delete(this.attempts.keys().next().value!);
    return entry;
  }
}
