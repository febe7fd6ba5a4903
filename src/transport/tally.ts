const EVERY_MS = 60_000;

/** Counts what is passed over. The first one is logged at once, and those that follow together, once a minute. */
export class Tally<Item = void> {
  private unlogged = 0;
  private last?: Item;
  private pause?: NodeJS.Timeout;
  count = 0;

  /** @param log gets how many were passed over since its last call, and the last of them */
  constructor(private readonly log: (count: number, last: Item) => void) {}

  add(item: Item): void {
    this.count++;
    this.unlogged++;
    this.last = item;
    if (!this.pause) this.flush();
  }

  private flush(): void {
    this.pause = undefined;
    if (this.unlogged === 0) return;
    this.log(this.unlogged, this.last!);
    this.unlogged = 0;
    this.pause = setTimeout(() => this.flush(), EVERY_MS).unref();
  }
}
