import { Logger } from '@nestjs/common';

const EVERY_MS = 60_000;

/** Counts the requests that are not executed because nobody vouches for their sender, and says so now and then. */
export class UnknownSenders {
  private readonly logger = new Logger('Requests');
  private saidAt = -Infinity;
  private unsaid = 0;
  count = 0;

  /** @param requirement completes "requests must ..." */
  constructor(private readonly requirement: string) {}

  add(): void {
    this.count++;
    this.unsaid++;
    if (performance.now() - this.saidAt < EVERY_MS) return;
    this.logger.warn(
      `${this.unsaid} requests of unknown senders were not executed: requests must ${this.requirement}`,
    );
    this.saidAt = performance.now();
    this.unsaid = 0;
  }
}
