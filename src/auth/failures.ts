/** One failure is forgiven in this time: a fleet behind one address is not punished for ever for one device. */
const FORGIVE_MS = 3_000;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** More are not counted: six minutes after the last failure all is forgiven. */
const MAX_FAILURES = 120;
const RECENT_MS = 60_000;
const MAX_KEYS = 10_000;

/** Failed logins by account and address, or by address: the more, the longer the backoff. */
export class Failures {
  private readonly entries = new Map<string, { count: number; at: number }>();

  /** @param free failures that cost nothing; each one more doubles the delay of the next attempt */
  constructor(private readonly free: number) {}

  delay(key: string): number {
    const over = Math.ceil(this.count(key)) - this.free;
    return over > 0 ? Math.min(FIRST_DELAY_MS * 2 ** (over - 1), MAX_DELAY_MS) : 0;
  }

  /** Over the bound the key goes that has not failed for longest. */
  add(key: string): void {
    const count = Math.min(this.count(key) + 1, MAX_FAILURES);
    this.entries.delete(key);
    this.entries.set(key, { count, at: performance.now() });
    if (this.entries.size > MAX_KEYS) this.entries.delete(this.entries.keys().next().value!);
  }

  /** The next attempt is not delayed; that the key has failed lately stays known. */
  forgive(key: string): void {
    const entry = this.entries.get(key);
    if (entry) entry.count = 0;
  }

  /** Whether the last failure is less than a minute ago, forgiven or not. */
  isRecent(key: string): boolean {
    const entry = this.entries.get(key);
    return entry !== undefined && performance.now() - entry.at < RECENT_MS;
  }

  private count(key: string): number {
    const entry = this.entries.get(key);
    return entry ? Math.max(0, entry.count - (performance.now() - entry.at) / FORGIVE_MS) : 0;
  }
}
