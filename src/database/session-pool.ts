import { Pool, type PoolClient } from 'pg';
import { BorrowedSession } from './borrowed-session.js';
import { NoSession } from './database-error.js';
import type { DatabaseClient } from './database-client.js';

/** What the pool keeps. */
export type PooledClient = PoolClient & DatabaseClient;

type OnConnect = (error: Error | undefined, session?: PoolClient, release?: PoolClient['release']) => void;

/** A pool whose sessions are replaced where they are of no use, while they are borrowed. TypeORM takes them by callback. */
export class SessionPool extends Pool {
  override connect(): Promise<PoolClient>;
  override connect(callback: OnConnect): void;
  override connect(callback?: OnConnect): Promise<PoolClient> | void {
    const borrowing = this.borrow();
    if (!callback) return borrowing;
    borrowing.then(
      (session) => callback(undefined, session, session.release),
      (error: Error) => callback(new NoSession(error), undefined, () => undefined),
    );
  }

  /** A session that is opened from now on. Those that are idle are given up: they may be of no use either. */
  async openFresh(): Promise<PooledClient> {
    const from = performance.now();
    for (;;) {
      const client = (await super.connect()) as PooledClient;
      if (client.openedAt >= from) return client;
      client.release(true);
    }
  }

  private async borrow(): Promise<PoolClient> {
    const client = (await super.connect()) as PooledClient;
    return new BorrowedSession(this, client) as unknown as PoolClient;
  }
}
