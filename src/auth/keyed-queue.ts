import { waitUnlessAborted } from './wait.js';

interface Queue {
  running: number;
  waiting: Set<() => void>;
}

/** Runs work in the order of arrival, a few at a time for each key; different keys do not wait for each other. */
export class KeyedQueue {
  private readonly queues = new Map<string, Queue>();

  /**
   * @param atOnce how much work of one key runs at the same time
   * @param signal ends the waiting, not the work
   * @throws what the work throws, or the signal's reason
   */
  async run<T>(key: string, atOnce: number, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const queue = this.queues.get(key) ?? { running: 0, waiting: new Set() };
    await waitUnlessAborted(signal, (start) => {
      this.queues.set(key, queue);
      queue.waiting.add(start);
      startNext(queue, atOnce);
      return () => queue.waiting.delete(start);
    });
    try {
      return await work();
    } finally {
      queue.running--;
      startNext(queue, atOnce);
      if (queue.running === 0) this.queues.delete(key);
    }
  }
}

function startNext(queue: Queue, atOnce: number): void {
  for (const start of queue.waiting) {
    if (queue.running >= atOnce) return;
    queue.waiting.delete(start);
    queue.running++;
    start();
  }
}
