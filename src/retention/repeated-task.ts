import { Logger } from '@nestjs/common';
import { Superseded } from '../protocol/action-error.js';

/** Work in the background that is done again and again. It does not fail: what is left is for the next time. */
export class RepeatedTask {
  private readonly logger: Logger;
  private timer?: NodeJS.Timeout;
  private isStopped = false;
  private hasFailed = false;

  /**
   * @param name in the log
   * @param failure what the log says, before the reason, if the work fails: once, and not each time
   * @param work how many rows it has deleted
   */
  constructor(
    name: string,
    private readonly failure: string,
    private readonly work: () => Promise<number>,
  ) {
    this.logger = new Logger(name);
  }

  start(firstMs: number, everyMs: number): void {
    this.timer = setTimeout(() => {
      void this.run().then(() => this.isStopped || this.start(everyMs, everyMs));
    }, firstMs);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** @returns what the work returns; 0 if it failed, or another replica leads */
  async run(): Promise<number> {
    try {
      const done = await this.work();
      this.hasFailed = false;
      return done;
    } catch (error) {
      if (!(error instanceof Superseded)) this.tell(error as Error);
      return 0;
    }
  }

  private tell(error: Error): void {
    if (!this.hasFailed && !this.isStopped) this.logger.error(`${this.failure}: ${error.message}`);
    this.hasFailed = true;
  }
}
