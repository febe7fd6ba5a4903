/** Which hashes go first: attempts of known pairs, of addresses without failures, then the rest. */
export const HASH_RANK = { known: 0, clean: 1, failed: 2 };

/** The login attempt that a hash is for. */
export interface HashOwner {
  address: string;
  rank: number;
  /** Whether the address may hash one password at a time only; asked whenever a hash could start. */
  isSlowed(): boolean;
}

interface Hash {
  owner: HashOwner;
  start(): void;
}

/**
 * The password hashes of the process: a few at once, by rank and then in the order of arrival. `LoginThrottle` lets an
 * address have two attempts here at most, known pairs aside, so that within a rank addresses take turns.
 */
export class HashQueue {
  private readonly running = new Set<Hash>();
  private readonly waiting = new Set<Hash>();

  constructor(private readonly atOnce: number) {}

  async run<T>(owner: HashOwner, work: () => Promise<T>): Promise<T> {
    let start!: () => void;
    const started = new Promise<void>((resolve) => (start = resolve));
    const hash = { owner, start };
    this.waiting.add(hash);
    this.startNext();
    await started;
    try {
      return await work();
    } finally {
      this.running.delete(hash);
      this.startNext();
    }
  }

  private startNext(): void {
    while (this.running.size < this.atOnce) {
      const next = this.next();
      if (!next) return;
      this.waiting.delete(next);
      this.running.add(next);
      next.start();
    }
  }

  private next(): Hash | undefined {
    let next: Hash | undefined;
    for (const hash of this.waiting) {
      if ((!next || hash.owner.rank < next.owner.rank) && !this.mustWait(hash.owner)) next = hash;
    }
    return next;
  }

  private mustWait(owner: HashOwner): boolean {
    return owner.isSlowed() && [...this.running].some((hash) => hash.owner.address === owner.address);
  }
}
