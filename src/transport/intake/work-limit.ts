/**
 * Bounds the requests in work. Who finds the house full is refused or waits its turn, first come first served.
 */
export class WorkLimit {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly idleListeners: (() => void)[] = [];

  constructor(private readonly max: number) {}

  get isFull(): boolean {
    return this.running >= this.max;
  }

  /** Runs `work` once there is room; the promise is that of the work. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.isFull) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running++;
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /** Resolves once nothing runs and nothing waits. */
  async idle(): Promise<void> {
    if (this.running > 0) await new Promise<void>((resolve) => this.idleListeners.push(resolve));
  }

  /** Who waits takes the place over, so `running` does not change. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next) return next();
    if (--this.running === 0) this.idleListeners.splice(0).forEach((listener) => listener());
  }
}
