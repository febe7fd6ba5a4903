/** A bucket is 1 % wider than the one before; the first is one microsecond. */
const WIDTH = Math.log(1.01);

/** Durations, to one per cent. */
export class Histogram {
  private readonly counts = new Map<number, number>();

  /** All that others have counted, each as its `entries` gives it. */
  static of(...others: [bucket: number, count: number][][]): Histogram {
    return others.reduce((all, entries) => all.merge(entries), new Histogram());
  }

  /** Adds counted buckets, as `entries` gives them. */
  merge(entries: [bucket: number, count: number][]): this {
    for (const [bucket, count] of entries) this.counts.set(bucket, (this.counts.get(bucket) ?? 0) + count);
    return this;
  }

  add(milliseconds: number): void {
    const bucket = Math.max(0, Math.round(Math.log(milliseconds * 1_000) / WIDTH));
    this.counts.set(bucket, (this.counts.get(bucket) ?? 0) + 1);
  }

  entries(): [bucket: number, count: number][] {
    return [...this.counts];
  }

  /** @returns milliseconds; `NaN` where there is nothing */
  percentile(percent: number): number {
    const buckets = this.entries().toSorted(([a], [b]) => a - b);
    const total = buckets.reduce((sum, [, count]) => sum + count, 0);
    let seen = 0;
    for (const [bucket, count] of buckets) {
      seen += count;
      if (seen >= (total * percent) / 100) return Math.exp(bucket * WIDTH) / 1_000;
    }
    return Number.NaN;
  }
}
