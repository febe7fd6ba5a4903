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

  /**
   * @param test asked once for each item: its answer may change with the time
   * @returns what is taken out of turn, because the test holds for it
   */
  remove(test: (item: Item) => boolean): Item[] {
    const removed: Item[] = [];
    for (const [owner, queue] of this.queues) {
      const rest: Item[] = [];
      for (const item of queue) (test(item) ? removed : rest).push(item);
      if (rest.length > 0) this.queues.set(owner, rest);
      else this.queues.delete(owner);
    }
    return removed;
  }

  private toTheEnd(owner: unknown, queue: Item[]): void {
    this.queues.delete(owner);
    this.queues.set(owner, queue);
  }
}

/** Who asks: a connection, or a token, of a user. */
export interface Asker {
  userId: unknown;
}

/** What waits, by user and client: users take turns, however many clients they have, and so do the clients of each. */
export class UserTurns<Item> {
  /** Whose turn is next comes first. */
  private readonly users = new Map<unknown, Turns<Item>>();

  add(item: Item, asker: Asker): void {
    let clients = this.users.get(asker.userId);
    if (!clients) this.users.set(asker.userId, (clients = new Turns()));
    clients.add(item, asker);
  }

  /** @returns what is next, and stays; `undefined` where nothing waits */
  get next(): Item | undefined {
    return this.users.values().next().value?.next;
  }

  /** @returns what was next; `undefined` where nothing waits */
  take(): Item | undefined {
    const [first] = this.users;
    if (!first) return undefined;
    const [user, clients] = first;
    const item = clients.take();
    if (clients.next === undefined) this.users.delete(user);
    else if (this.users.size > 1) this.toTheEnd(user, clients);
    return item;
  }

  /** @returns what is taken out of turn, because the test holds for it */
  remove(test: (item: Item) => boolean): Item[] {
    const removed: Item[] = [];
    for (const [user, clients] of this.users) {
      removed.push(...clients.remove(test));
      if (clients.next === undefined) this.users.delete(user);
    }
    return removed;
  }

  private toTheEnd(user: unknown, clients: Turns<Item>): void {
    this.users.delete(user);
    this.users.set(user, clients);
  }
}
