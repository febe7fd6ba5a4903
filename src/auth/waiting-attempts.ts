/** How many login attempts of one kind may wait. */
export interface LoginLimits {
  /** of an address, or of an account from an address, that is slowed because it has failed too often */
  delayed: number;
  /** logins of one address, each of which waits for a hash: beyond 30 s clients have given up */
  logins: number;
  /** in all; half of them are kept for addresses that have not failed lately */
  attempts: number;
}

/** A login attempt, as it is on arrival. */
export interface LoginAttempt {
  /** IP address, or /64 of IPv6 */
  address: string;
  /** login and address */
  pair: string;
  /** whether the pair was known on arrival */
  isKnown: boolean;
}

class Counter {
  private readonly counts = new Map<string, number>();

  of(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  add(key: string, by: 1 | -1): void {
    const count = this.of(key) + by;
    if (count === 0) this.counts.delete(key);
    else this.counts.set(key, count);
  }
}

/** Counts the attempts of one kind that have not ended. Those of known pairs take no place of others. */
export class WaitingAttempts {
  private all = 0;
  private readonly addresses = new Counter();
  private readonly pairs = new Counter();
  private readonly knownPairs = new Counter();
  /** by address; attempts of one pair run one after the other, so that each login hashes once at a time */
  private readonly logins = new Counter();

  constructor(private readonly limits: LoginLimits) {}

  /**
   * Whether there is room for one more attempt. An address has no more places than are free, so that a few addresses
   * never take them all.
   */
  hasRoom({ address, pair, isKnown }: LoginAttempt, hasAddressFailed: boolean): boolean {
    const { logins, attempts } = this.limits;
    if (isKnown) return this.knownPairs.of(pair) < attempts;
    const free = (hasAddressFailed ? attempts / 2 : attempts) - this.all;
    if (this.addresses.of(address) >= free) return false;
    return this.pairs.of(pair) > 0 || this.logins.of(address) < logins;
  }

  /** @returns what to call when the attempt has ended */
  enter({ address, pair, isKnown }: LoginAttempt): () => void {
    if (isKnown) {
      this.knownPairs.add(pair, 1);
      return () => this.knownPairs.add(pair, -1);
    }
    this.count(address, pair, 1);
    if (this.pairs.of(pair) === 1) this.logins.add(address, 1);
    return () => {
      this.count(address, pair, -1);
      if (this.pairs.of(pair) === 0) this.logins.add(address, -1);
    };
  }

  /** Whether more attempts of the pair wait than may wait for a delay, or more of its address. */
  isBacklogged({ address, pair }: LoginAttempt, isPairDelayed: boolean, isAddressDelayed: boolean): boolean {
    const { delayed } = this.limits;
    return (
      (isPairDelayed && this.pairs.of(pair) > delayed) ||
      (isAddressDelayed && this.addresses.of(address) > delayed)
    );
  }

  private count(address: string, pair: string, by: 1 | -1): void {
    this.all += by;
    this.addresses.add(address, by);
    this.pairs.add(pair, by);
  }
}
