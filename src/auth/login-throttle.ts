import { setTimeout as delay } from 'node:timers/promises';
import { ActionError } from '../protocol/action-error.js';

/** Failures that cost nothing; each one more doubles the wait before the next attempt. */
const FREE_FAILURES = { account: 5, address: 20 };
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
const FORGET_MS = 60_000;
const MAX_KEYS = 10_000;
const MAX_WAITING = 1_000;

class Attempts {
  failures = 0;
  waiting = 0;
  touchedAt = performance.now();
  /** settles with the last attempt that entered; attempts of one key run one after the other */
  last: Promise<unknown> = Promise.resolve();

  delay(free: number): number {
    const over = this.failures - free;
    return over > 0 ? Math.min(FIRST_DELAY_MS * 2 ** (over - 1), MAX_DELAY_MS) : 0;
  }
}

/**
 * Slows down who guesses passwords, by account and address together and by address alone, and locks nobody
 * out: the account's owner logs in from elsewhere as ever, and a fleet behind one address that knows its
 * password is not slowed.
 */
export class LoginThrottle {
  private readonly attempts = new Map<string, Attempts>();

  /**
   * Runs a login attempt once it is its turn. Attempts for one account from one address never run in
   * parallel, so that sending many at once gains nothing.
   * @throws what the attempt throws (a 401 counts as a failure); 503 where a thousand wait already
   */
  async run<T>(login: string, address: string, attempt: () => Promise<T>): Promise<T> {
    const account = this.entry(`${address} ${login}`);
    if (account.waiting >= MAX_WAITING)
      throw new ActionError(503, 'Too many login attempts, try again later');
    account.waiting++;
    const turn = account.last.then(() => this.tryOnce(account, this.entry(address), attempt));
    account.last = turn.catch(() => undefined);
    return turn.finally(() => account.waiting--);
  }

  private async tryOnce<T>(account: Attempts, address: Attempts, attempt: () => Promise<T>): Promise<T> {
    const wait = Math.max(account.delay(FREE_FAILURES.account), address.delay(FREE_FAILURES.address));
    if (wait > 0) await delay(wait);
    try {
      const result = await attempt();
      account.failures = 0;
      return result;
    } catch (error) {
      if (error instanceof ActionError && error.code === 401) {
        account.failures++;
        address.failures++;
      }
      throw error;
    }
  }

  /** Forgets a key that was quiet for a minute; over the bound the longest unused goes. */
  private entry(key: string): Attempts {
    const now = performance.now();
    let entry = this.attempts.get(key);
    if (!entry || (entry.waiting === 0 && now - entry.touchedAt > FORGET_MS)) entry = new Attempts();
    entry.touchedAt = now;
    this.attempts.delete(key);
    this.attempts.set(key, entry);
    if (this.attempts.size > MAX_KEYS) this.attempts.delete(this.attempts.keys().next().value!);
    return entry;
  }
}
