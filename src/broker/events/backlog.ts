/** The events that wait in all sessions together, in bytes, and whose turn it is to give way. */
export class Backlog<S> {
  private total = 0;
  private readonly users = new ByWeight<number>();
  private readonly sessions = new Map<number, ByWeight<S>>();

  get bytes(): number {
    return this.total;
  }

  /** @param bytes how many more the session of that user has waiting, below 0 how many less */
  count(userId: number, session: S, bytes: number): void {
    this.total += bytes;
    this.users.add(userId, bytes);
    const ofUser = this.sessions.get(userId) ?? new ByWeight();
    ofUser.add(session, bytes);
    if (ofUser.isEmpty) this.sessions.delete(userId);
    else this.sessions.set(userId, ofUser);
  }

  /** The session that has most, of the user who has most; `undefined` where nothing waits. */
  get heaviest(): S | undefined {
    const userId = this.users.heaviest;
    return userId === undefined ? undefined : this.sessions.get(userId)?.heaviest;
  }
}

interface Entry<T> {
  item: T;
  bytes: number;
  /** its place in the heap */
  at: number;
}

/** A binary heap: each event asks for the heaviest where there is no room, and there may be 10,000 of them. */
class ByWeight<T> {
  private readonly entries = new Map<T, Entry<T>>();
  private readonly heap: Entry<T>[] = [];

  get isEmpty(): boolean {
    return this.heap.length === 0;
  }

  get heaviest(): T | undefined {
    return this.heap[0]?.item;
  }

  add(item: T, bytes: number): void {
    const entry = this.entries.get(item) ?? { item, bytes: 0, at: this.heap.length };
    entry.bytes += bytes;
    if (entry.bytes > 0) {
      this.entries.set(item, entry);
      this.place(entry, entry.at);
    } else if (this.entries.delete(item)) {
      const last = this.heap.pop()!;
      if (last !== entry) this.place(last, entry.at);
    }
  }

  /** Puts it there, or above or below where that is its place. */
  private place(entry: Entry<T>, at: number): void {
    const { heap } = this;
    const put = (moved: Entry<T>, to: number) => {
      heap[to] = moved;
      moved.at = to;
    };
    for (let above = (at - 1) >> 1; at > 0 && heap[above]!.bytes < entry.bytes; above = (at - 1) >> 1) {
      put(heap[above]!, at);
      at = above;
    }
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const below = (heap[right]?.bytes ?? 0) > (heap[left]?.bytes ?? 0) ? right : left;
      if ((heap[below]?.bytes ?? 0) <= entry.bytes) break;
      put(heap[below]!, at);
      at = below;
    }
    put(entry, at);
  }
}
