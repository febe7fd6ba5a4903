import { ReadOnlyDatabase } from './read-only-database.js';

const FIRST_MS = 50;
const LONGEST_MS = 1_000;

/**
 * While PostgreSQL takes no writes one connection at a time finds out whether it does again, less and less often: all
 * that wait for it would keep connecting otherwise, to a server that is about to be the primary.
 */
export class WritableProbe {
  private refusal?: ReadOnlyDatabase;
  private probing?: Promise<unknown>;
  private nextAt = 0;
  private pauseMs = FIRST_MS;

  /**
   * @param connect makes a connection, or finds that it cannot write
   * @throws {ReadOnlyDatabase} at once, where another connection has found it lately
   */
  async run<T>(connect: () => Promise<T>): Promise<T> {
    if (!this.refusal) return this.attempt(connect);
    if (this.probing) {
      await this.probing;
      return this.refusal ? this.refuse() : this.attempt(connect);
    }
    if (performance.now() < this.nextAt) return this.refuse();
    const attempt = this.attempt(connect).finally(() => (this.probing = undefined));
    this.probing = attempt.catch(() => undefined);
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_MS);
    return attempt;
  }

  private async attempt<T>(connect: () => Promise<T>): Promise<T> {
    try {
      const connection = await connect();
      this.refusal = undefined;
      this.pauseMs = FIRST_MS;
      return connection;
    } catch (error) {
      // Whether one that cannot be reached takes writes is not known.
      this.refusal = error instanceof ReadOnlyDatabase ? error : undefined;
      this.nextAt = performance.now() + this.pauseMs;
      throw error;
    }
  }

  private refuse(): never {
    throw this.refusal!;
  }
}
