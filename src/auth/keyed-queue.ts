interface Queue {
  running: number;
  waiting: (() => void)[];
}

/** Runs work in the order of arrival, a few at a time for each key; different keys do not wait for each other. */
export class KeyedQueue {
  private readonly queues = new Map<string, Queue>();

  /** @param atOnce how many of the key may run; asked again whenever one ends */
  async run<T>(key: string, atOnce: () => number, work: () => Promise<T>): Promise<T> {
    const queue = this.queues.get(key) ?? { running: 0, waiting: [] };
    this.queues.set(key, queue);
    await new Promise<void>((start) => {
      queue.waiting.push(start);
      startNext(queue, atOnce());
    });
    try {
      return await work();
    } finally {
      queue.running--;
      startNext(queue, atOnce());
      if (queue.running === 0) this.queues.delete(key);
    }
  }
}

function startNext(queue: Queue, atOnce: number): void {
  while (queue.running < atOnce && queue.waiting.length > 0) {
    queue.running++;
    queue.waiting.shift()!();
  }
}
