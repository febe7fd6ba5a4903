import { waitUnlessAborted } from './wait.js';

/** Which hashes go first: those of known pairs, of addresses without recent failures, then the rest. */
export const HASH_RANKS = ['known', 'clean', 'failed'] as const;
export type HashRank = (typeof HASH_RANKS)[number];

/** The login attempt that a hash is for. */
export interface HashOwner {
  address: string;
  rank: HashRank;
  /** aborted when nobody waits for the attempt any more; a hash that has begun goes on */
  signal?: AbortSignal;
  /** Whether the address may hash one password at a time only; asked whenever a hash could start. */
  isSlowed(): boolean;
}

interface Hash {
  owner: HashOwner;
  start(): void;
}

/** The password hashes of the process: a few at once, by rank. Within a rank addresses take turns. */
export class HashQueue {
  private readonly running = new Set<Hash>();
  private readonly waiting = new Map(HASH_RANKS.map((rank) => [rank, new AddressTurns()]));

  constructor(private readonly atOnce: number) {}

  /** @throws what the work throws, or the reason of the owner's signal */
  async run<T>(owner: HashOwner, work: () => Promise<T>): Promise<T> {
    const waiting = this.waiting.get(owner.rank)!;
    let hash!: Hash;
    await waitUnlessAborted(owner.signal, (start) => {
      hash = { owner, start };
      waiting.add(hash);
      this.startNext();
      return () => waiting.delete(hash);
    });
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
      this.running.add(next);
      next.start();
    }
  }

  private next(): Hash | undefined {
    for (const waiting of this.waiting.values()) {
      const next = waiting.take((owner) => !this.mustWait(owner));
      if (next) return next;
    }
  }

  private mustWait(owner: HashOwner): boolean {
    return owner.isSlowed() && [...this.running].some((hash) => hash.owner.address === owner.address);
  }
}

/** Hashes that wait: those of one address in the order of arrival, addresses one after the other. */
class AddressTurns {
  /** the address that was served longest ago comes first */
  private readonly addresses = new Map<string, Set<Hash>>();

  add(hash: Hash): void {
    const { address } = hash.owner;
    const hashes = this.addresses.get(address) ?? new Set();
    this.addresses.set(address, hashes.add(hash));
  }

  delete(hash: Hash): void {
    const hashes = this.addresses.get(hash.owner.address);
    hashes?.delete(hash);
    if (hashes?.size === 0) this.addresses.delete(hash.owner.address);
  }

  /** Takes the next hash of the first address that may have one. */
  take(mayStart: (owner: HashOwner) => boolean): Hash | undefined {
    for (const [address, hashes] of this.addresses) {
      const [hash] = hashes;
      if (!hash || !mayStart(hash.owner)) continue;
      this.addresses.delete(address);
      hashes.delete(hash);
      if (hashes.size > 0) this.addresses.set(address, hashes);
      return hash;
    }
  }
}
