import type { PoolClient } from 'pg';
import type { DataSource } from 'typeorm';
import { Logger } from '@nestjs/common';
import { poolOf } from './write-pool.js';

/** Beyond the longest wait for a locked row; no statement of the service takes so long. */
const SPARE_MS = 30_000;
const CHECK_MS = 1_000;

/** What the types of pg leave out. */
interface Connected {
  connection: { stream: { destroy(): void } };
}

/**
 * Cuts a connection of the pool that has been out for too long. One that the network has dropped silently would keep
 * its statement, and its place in the pool, until TCP gives up: for a quarter of an hour.
 * @param deadlineMs the longest a statement waits for a lock
 */
export function cutStuckConnections(dataSource: DataSource, deadlineMs: number): void {
  const logger = new Logger('Database');
  const pool = poolOf(dataSource);
  const since = new Map<PoolClient, number>();
  pool.on('acquire', (client) => since.set(client, performance.now()));
  pool.on('release', (_error, client) => since.delete(client));
  pool.on('remove', (client) => since.delete(client));
  const timer = setInterval(() => {
    for (const [client, at] of since) {
      if (performance.now() - at < deadlineMs + SPARE_MS) continue;
      logger.error('A connection to the database does not answer: cut off');
      since.delete(client);
      (client as unknown as Connected).connection.stream.destroy();
    }
  }, CHECK_MS);
  timer.unref();
  const destroy = dataSource.destroy.bind(dataSource);
  dataSource.destroy = () => {
    clearInterval(timer);
    return destroy();
  };
}
