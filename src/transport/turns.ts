/** What waits, by owner: owners take turns, and each has its own in the order of their coming. */
export class Turns<Item> {
  /** Whose turn is next comes first. */
  private readonly queues = new Map<unknown, Item[]>();

  add(item: Item, owner: unknown): void {
    const queue = this.queues.get(owner);
    if (queue) queue.push(item);
    else this.queues.set(owner, [item]);
  }

  /** @returns what is next, and stays; `undefined` where nothing waits */
  get next(): Item | undefined {
    return this.queues.values().next().value?.[0];
  }

  /** @returns what was next; `undefined` where nothing waits */
  take(): Item | undefined {
    const [first] = this.queues;
    if (!first) return undefined;
    const [owner, queue] = first;
    const item = queue.shift();
    if (queue.length === 0) this.queues.delete(owner);
    else if (this.queues.size > 1) this.toTheEnd(owner, queue);
    return item;
  }

  private toTheEnd(owner: unknown, queue: Item[]): void {
    this.queues.delete(owner);
    this.queues.set(owner, queue);
  }
}
