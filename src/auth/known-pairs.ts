/** From here on a pair is like any other until it succeeds again. */
const MAX_FAILURES = 5;
const MAX_PAIRS = 10_000;

/**
 * Pairs of login and address that have logged in before. Only a success adds a pair or renews it, so that wrong logins
 * cannot push any out, and time forgives no failure: it would give one more guess every few seconds.
 */
export class KnownPairs {
  /** failures since the last success; the pair whose success is longest ago comes first */
  private readonly failures = new Map<string, number>();

  has(pair: string): boolean {
    return (this.failures.get(pair) ?? MAX_FAILURES) < MAX_FAILURES;
  }

  succeed(pair: string): void {
    this.failures.delete(pair);
    this.failures.set(pair, 0);
    if (this.failures.size > MAX_PAIRS) this.failures.delete(this.failures.keys().next().value!);
  }

  fail(pair: string): void {
    const failures = this.failures.get(pair);
    if (failures !== undefined) this.failures.set(pair, failures + 1);
  }
}
