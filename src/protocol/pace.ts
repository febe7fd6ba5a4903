import { setImmediate } from 'node:timers/promises';

/** Long work that leaves the others of this process a turn of the event loop every so often. */
export class Pace {
  private endsAt: number;

  /** @param turnMs milliseconds of work in one turn of the event loop */
  constructor(private readonly turnMs: number) {
    this.endsAt = performance.now() + turnMs;
  }

  /** @returns when the work goes on; `undefined` while its turn lasts */
  pause(): Promise<void> | undefined {
    return performance.now() < this.endsAt ? undefined : this.nextTurn();
  }

  private async nextTurn(): Promise<void> {
    await setImmediate();
    this.endsAt = performance.now() + this.turnMs;
  }
}
