import { EventEmitter } from 'node:events';
import type { QueryConfig, Submittable } from 'pg';
import { databaseAway } from '../protocol/action-error.js';
import { isEndOfSession, isOfSession, isReadOnly } from './database-error.js';
import type { PooledClient, SessionPool } from './session-pool.js';
import type { Bound } from './sessions.js';

/** What a statement fails with on so many sessions is its own error. */
const FRESH_SESSIONS = 3;

/**
 * What takes the place of a connection while it is borrowed from the pool. A statement that fails because of its session,
 * and so has changed nothing, ends the session and runs again on a fresh one, if it is the first: later ones may rely
 * on what the session holds by then, a transaction, a lock, a setting.
 */
export class BorrowedSession extends EventEmitter {
  /** absent once it is released, and while there is none to replace one that was of no use */
  private client?: PooledClient;
  /** of its statements */
  bound: Bound = 'usual';
  private hasRun = false;
  private isUseless = false;

  constructor(
    private readonly pool: SessionPool,
    client: PooledClient,
  ) {
    super();
    this.on('error', () => undefined);
    this.take(client);
  }

  /** @param error ends the session, whatever it is */
  readonly release = (error?: Error | boolean): void => {
    const { client } = this;
    if (!client) return;
    client.off('error', this.tell);
    this.client = undefined;
    if (!this.isUseless || error) return client.release(error);
    // Its place in the pool is free when it has ended.
    void client.discard().finally(() => client.release(true));
  };

  /** Has the forms of pg's `query`. Cursors, and callers with a callback, get the session's errors as they are. */
  query(statement: string | QueryConfig | Submittable, values?: unknown, callback?: unknown): unknown {
    const isSubmittable = typeof statement === 'object' && 'submit' in statement;
    if (!isSubmittable && typeof values !== 'function' && !callback) return this.run(statement, values);
    this.hasRun = true;
    return this.client!.query(statement as string, values as unknown[], callback as () => void);
  }

  private async run(statement: string | QueryConfig, values: unknown): Promise<unknown> {
    for (let fresh = 0; ; fresh++) {
      const { client } = this;
      if (!client) throw databaseAway(new Error('There is no session'));
      try {
        if (client.bound !== this.bound) await client.keepTo(this.bound);
        const result = await client.query(statement as string, values as unknown[]);
        this.hasRun = true;
        return result;
      } catch (error) {
        this.isUseless ||= isOfSession(error) || isEndOfSession(error);
        if (!isOfSession(error)) throw error;
        if (this.hasRun || fresh === FRESH_SESSIONS) throw this.toTell(error);
        await this.replace();
      }
    }
  }

  private async replace(): Promise<void> {
    this.release();
    try {
      this.take(await this.pool.openFresh());
    } catch (error) {
      throw databaseAway(error);
    }
  }

  private take(client: PooledClient): void {
    this.client = client;
    this.isUseless = false;
    client.on('error', this.tell);
  }

  /** A request that fails in a transaction may begin again with it, a few times. */
  private toTell(error: unknown): unknown {
    if (isReadOnly(error)) return databaseAway(error);
    return this.hasRun ? databaseAway(error, true) : error;
  }

  private readonly tell = (error: Error): void => void this.emit('error', error);
}
