import { Turns } from '../../protocol/turns.js';

/**
 * Bounds the requests in work. Who finds the house full is refused, or waits: clients take turns then. Beside 300 with
 * 64 requests in flight each, one with a single request waited 13 s for its answer, and so 0.4 s.
 */
export class WorkLimit {
  private running = 0;
  private readonly waiting = new Turns<() => void>();

  constructor(private readonly max: number) {}

  get isFull(): boolean {
    return this.running >= this.max;
  }

  /**
   * Runs `work` once there is room; the promise is that of the work.
   * @param client with whose other work this one keeps its order
   */
  async run<T>(client: string, work: () => Promise<T> | T): Promise<T> {
    if (this.isFull) await new Promise<void>((resolve) => this.waiting.add(resolve, client));
    else this.running++;
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /** Who waits takes the place over, so `running` does not change. */
  private leave(): void {
    const next = this.waiting.take();
    if (next) next();
    else this.running--;
  }
}
