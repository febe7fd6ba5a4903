import { ActionError } from '../protocol/action-error.js';
import { tooManyLogins } from './auth.errors.js';
import { Failures } from './failures.js';
import { HASH_RANK, type HashOwner } from './hash-queue.js';
import { KeyedQueue } from './keyed-queue.js';
import { KnownPairs } from './known-pairs.js';
import { type LoginAttempt, type LoginLimits, WaitingAttempts } from './waiting-attempts.js';

/** Some 28 hashes a second: 512 take 18 s, and clients wait for 30 s. */
export const CONNECT_LIMITS: LoginLimits = { delayed: 16, logins: 512, attempts: 10_000 };
/** A request holds a place in work, which others need. */
export const REQUEST_LIMITS: LoginLimits = { delayed: 16, logins: 128, attempts: 256 };
/** On an external broker all clients share one order of acknowledgements: nobody waits there for a delay. */
export const SHARED_LIMITS: LoginLimits = { delayed: 0, logins: 32, attempts: 64 };

/** Failures that cost nothing. */
const FREE_FAILURES = { pair: 5, address: 20 };
/** Passwords of one address that are checked at once; one while the address is slowed. */
const CHECKS_AT_ONCE = 2;

/**
 * Slows down who guesses passwords, by account and address together and by address alone, and locks nobody
 * out: the account's owner logs in from elsewhere as ever, a known pair of login and address passes before
 * the queue of the address, and a fleet behind one address that knows its password is not slowed.
 */
export class LoginThrottle {
  private readonly pairFailures = new Failures(FREE_FAILURES.pair);
  private readonly addressFailures = new Failures(FREE_FAILURES.address);
  private readonly known = new KnownPairs();
  private readonly waiting = new Map<LoginLimits, WaitingAttempts>();
  private readonly byPair = new KeyedQueue();
  private readonly byAddress = new KeyedQueue();

  /**
   * Runs a login attempt once it is its turn. Attempts for one account from one address never run in
   * parallel, so that sending many at once gains nothing.
   * @param attempt hashes passwords as the owner that it is given
   * @throws what the attempt throws (a 401 counts as a failure); 503 if too many wait, before anything is compared
   */
  async run<T>(
    login: string,
    address: string,
    limits: LoginLimits,
    attempt: (owner: HashOwner) => Promise<T>,
  ): Promise<T> {
    // Neither a login nor a client id has control characters.
    const pair = `${address}\0${login}`;
    const arrival = { address, pair, isKnown: this.known.has(pair) };
    const waiting = this.waitingWithin(limits);
    if (!waiting.hasRoom(arrival, this.addressFailures.isRecent(address))) throw tooManyLogins();
    const leave = waiting.enter(arrival);
    if (this.isRefused(arrival, waiting)) {
      leave();
      throw tooManyLogins();
    }
    return this.byPair.run(
      pair,
      () => 1,
      async () => {
        try {
          if (this.known.has(pair)) return await this.tryOnce(arrival, HASH_RANK.known, attempt);
          if (this.isRefused(arrival, waiting)) throw tooManyLogins();
          return await this.tryInTurn(arrival, attempt);
        } finally {
          leave();
        }
      },
    );
  }

  /**
   * Whether the attempt is refused for the failures so far, on arrival and again when its turn comes: attempts before
   * it may have failed meanwhile. One that arrived as a known pair's has not been counted among those of the address.
   */
  private isRefused(arrival: LoginAttempt, waiting: WaitingAttempts): boolean {
    const { address, pair, isKnown } = arrival;
    if (isKnown) return !this.known.has(pair);
    return waiting.isBacklogged(arrival, this.pairFailures.delay(pair) > 0, this.isSlowed(address));
  }

  private async tryInTurn<T>(arrival: LoginAttempt, attempt: (owner: HashOwner) => Promise<T>): Promise<T> {
    const { address, pair } = arrival;
    const delay = Math.max(this.pairFailures.delay(pair), this.addressFailures.delay(address));
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    const atOnce = () => (this.isSlowed(address) ? 1 : CHECKS_AT_ONCE);
    return this.byAddress.run(address, atOnce, () => {
      const rank = this.addressFailures.isRecent(address) ? HASH_RANK.failed : HASH_RANK.clean;
      return this.tryOnce(arrival, rank, attempt);
    });
  }

  private async tryOnce<T>(
    { address, pair }: LoginAttempt,
    rank: number,
    attempt: (owner: HashOwner) => Promise<T>,
  ): Promise<T> {
    try {
      const result = await attempt({ address, rank, isSlowed: () => this.isSlowed(address) });
      this.pairFailures.forgive(pair);
      this.known.succeed(pair);
      return result;
    } catch (error) {
      if (error instanceof ActionError && error.code === 401) {
        this.pairFailures.add(pair);
        this.addressFailures.add(address);
        this.known.fail(pair);
      }
      throw error;
    }
  }

  private isSlowed(address: string): boolean {
    return this.addressFailures.delay(address) > 0;
  }

  private waitingWithin(limits: LoginLimits): WaitingAttempts {
    const waiting = this.waiting.get(limits) ?? new WaitingAttempts(limits);
    this.waiting.set(limits, waiting);
    return waiting;
  }
}
