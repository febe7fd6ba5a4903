import { Injectable } from '@nestjs/common';

/** A connection that is not read for the time being. */
export interface Reader {
  readOn(): void;
}

/**
 * Whether connections are read at all: not while the service has as many bytes of requests as it may. What it has not
 * read waits at its client.
 */
@Injectable()
export class Reading {
  private isFull = false;
  private readonly waiting = new Set<Reader>();

  /**
   * Called whenever the service has taken a request or is done with one.
   * @param load in parts of what it may have
   */
  update(load: number): void {
    this.isFull = load >= 1;
    // One at a time as long as more are done: all together would be too much at once.
    while (!this.isFull && this.waiting.size > 0) {
      const [next] = this.waiting;
      this.waiting.delete(next!);
      next!.readOn();
      if (load > 0) return;
    }
  }

  /** @returns `false` where the reader has to wait until its `readOn` is called */
  isOpenTo(reader: Reader): boolean {
    if (this.isFull) this.waiting.add(reader);
    return !this.isFull;
  }

  /** The connection has ended. */
  forget(reader: Reader): void {
    this.waiting.delete(reader);
  }
}
