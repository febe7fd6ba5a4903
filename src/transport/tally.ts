import { Logger } from '@nestjs/common';

const EVERY_MS = 60_000;

/** Counts requests that are passed over. The first one is logged at once, the others once a minute. */
export class Tally {
  private readonly logger = new Logger('Requests');
  private unsaid = 0;
  private pause?: NodeJS.Timeout;
  count = 0;

  /** @param lineFor the line of the log for so many requests */
  constructor(private readonly lineFor: (count: number) => string) {}

  add(): void {
    this.count++;
    this.unsaid++;
    if (!this.pause) this.say();
  }

  private say(): void {
    this.pause = undefined;
    if (this.unsaid === 0) return;
    this.logger.warn(this.lineFor(this.unsaid));
    this.unsaid = 0;
    this.pause = setTimeout(() => this.say(), EVERY_MS).unref();
  }
}
