import { ActionError, stopping } from '../protocol/action-error.js';
import { tooManyLogins } from './auth.errors.js';
import { Failures } from './failures.js';
import type { HashOwner, HashRank } from './hash-queue.js';
import { KeyedQueue } from './keyed-queue.js';
import { KnownPairs } from './known-pairs.js';
import { networkOf } from './network-of.js';
import { waitUnlessAborted } from './wait.js';
import { type LoginAttempt, type LoginLimits, WaitingAttempts } from './waiting-attempts.js';

/** Some 28 hashes a second: 512 take 18 s, and clients wait for 30 s. */
export const CONNECT_LIMITS: LoginLimits = { delayed: 16, logins: 512, attempts: 10_000 };
/** A request holds a place in work, which others need. */
export const REQUEST_LIMITS: LoginLimits = { delayed: 16, logins: 128, attempts: 256 };
/** On an external broker all clients share one order of acknowledgements: nobody waits there for a delay. */
export const SHARED_LIMITS: LoginLimits = { delayed: 0, logins: 32, attempts: 64 };

/** Failures that cost nothing. */
const FREE_FAILURES = { pair: 5, address: 20 };

/** Where a login attempt comes from. */
export interface Peer {
  /** IP address, or client id on an external broker */
  address: string;
  /** aborted when its connection ends, with which its attempt is given up */
  signal?: AbortSignal;
}

/**
 * Slows down who guesses passwords, by account and address together and by address alone, and locks nobody
 * out: the account's owner logs in from elsewhere as ever, a known pair of login and address is not delayed,
 * and a fleet behind one address that knows its password is not slowed.
 */
export class LoginThrottle {
  private readonly pairFailures = new Failures(FREE_FAILURES.pair);
  private readonly addressFailures = new Failures(FREE_FAILURES.address);
  private readonly known = new KnownPairs();
  private readonly waiting = new Map<LoginLimits, WaitingAttempts>();
  private readonly byPair = new KeyedQueue();
  private readonly ends = new Set<AbortController>();
  private isStopped = false;

  /**
   * Runs a login attempt once it is its turn. Attempts for one account from one address never run in
   * parallel, so that sending many at once gains nothing.
   * @param attempt hashes passwords as the owner that it is given
   * @throws what the attempt throws (a 401 counts as a failure); 503 if too many wait, before anything is compared, and
   *   if the throttle is stopped or the peer has gone before it is the attempt's turn
   */
  async run<T>(
    login: string,
    peer: Peer,
    limits: LoginLimits,
    attempt: (owner: HashOwner) => Promise<T>,
  ): Promise<T> {
    const address = networkOf(peer.address);
    // Neither a login nor a client id has control characters.
    const pair = `${address}\0${login}`;
    const arrival = { address, pair, isKnown: this.known.has(pair) };
    const waiting = this.waitingWithin(limits);
    if (this.isStopped) throw stopping();
    if (!waiting.hasRoom(arrival, this.addressFailures.isRecent(address))) throw tooManyLogins();
    const leave = waiting.enter(arrival);
    const end = new AbortController();
    const giveUp = () => end.abort(peer.signal!.reason);
    if (peer.signal?.aborted) giveUp();
    peer.signal?.addEventListener('abort', giveUp);
    this.ends.add(end);
    try {
      if (this.isRefused(arrival, waiting)) throw tooManyLogins();
      const inTurn = async () => {
        if (!this.known.has(pair)) {
          if (this.isRefused(arrival, waiting)) throw tooManyLogins();
          await this.delay(arrival, end.signal);
        }
        return this.tryOnce(arrival, end.signal, attempt);
      };
      return await this.byPair.run(pair, 1, inTurn, end.signal);
    } finally {
      this.ends.delete(end);
      peer.signal?.removeEventListener('abort', giveUp);
      leave();
    }
  }

  /** Gives up the attempts that wait for their turn, and refuses those that come later. */
  stop(): void {
    this.isStopped = true;
    for (const end of this.ends) end.abort(stopping());
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

  private async delay({ address, pair }: LoginAttempt, signal: AbortSignal): Promise<void> {
    const delay = Math.max(this.pairFailures.delay(pair), this.addressFailures.delay(address));
    if (delay === 0) return;
    await waitUnlessAborted(signal, (done) => {
      const timer = setTimeout(done, delay);
      return () => clearTimeout(timer);
    });
  }

  private async tryOnce<T>(
    { address, pair }: LoginAttempt,
    signal: AbortSignal,
    attempt: (owner: HashOwner) => Promise<T>,
  ): Promise<T> {
    try {
      const rank = this.rankOf(address, pair);
      const result = await attempt({ address, rank, signal, isSlowed: () => this.isSlowed(address) });
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

  /** A known pair that has failed lately has no preference: its owner could mix right passwords with wrong ones. */
  private rankOf(address: string, pair: string): HashRank {
    if (this.known.has(pair) && !this.pairFailures.isRecent(pair)) return 'known';
    return this.addressFailures.isRecent(address) ? 'failed' : 'clean';
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
