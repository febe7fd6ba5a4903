import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Superseded } from '../protocol/action-error.js';

/** When a task runs after the start, and then again and again; in milliseconds. */
export interface Schedule {
  first: number;
  every: number;
}

/** Deletes rows in the background, again and again. It does not fail: what is left is for the next time. */
export abstract class RepeatedTask implements OnApplicationBootstrap, OnModuleDestroy {
  protected readonly logger = new Logger('Retention');
  private timer?: NodeJS.Timeout;
  private isStopped = false;
  private hasFailed = false;

  /** @param failure what the log says, before the reason, if the work fails: once, and not each time */
  constructor(
    private readonly schedule: Schedule,
    private readonly failure: string,
  ) {}

  onApplicationBootstrap(): void {
    this.plan(this.schedule.first);
  }

  onModuleDestroy(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /**
   * Does the work now, unless another replica leads or the service stops.
   * @returns the rows that were deleted; 0 if the work failed
   */
  async run(): Promise<number> {
    try {
      const deleted = await this.work();
      this.hasFailed = false;
      return deleted;
    } catch (error) {
      if (!(error instanceof Superseded)) this.tell(error as Error);
      return 0;
    }
  }

  /** @returns the rows that were deleted */
  protected abstract work(): Promise<number>;

  private plan(milliseconds: number): void {
    this.timer = setTimeout(() => {
      void this.run().then(() => this.isStopped || this.plan(this.schedule.every));
    }, milliseconds);
  }

  private tell(error: Error): void {
    if (!this.hasFailed && !this.isStopped) this.logger.error(`${this.failure}: ${error.message}`);
    this.hasFailed = true;
  }
}
