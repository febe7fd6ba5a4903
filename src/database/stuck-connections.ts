import type { DataSource } from 'typeorm';
import { Logger } from '@nestjs/common';

/** Beyond the longest wait for a locked row; no statement of the service takes so long. */
const SPARE_MS = 30_000;
const CHECK_MS = 1_000;

/** Of pg, which TypeORM's types leave out. */
interface Client {
  connection: { stream: { destroy(): void } };
}
interface Pool {
  on(event: 'acquire' | 'remove', listener: (client: Client) => void): void;
  on(event: 'release', listener: (error: unknown, client: Client) => void): void;
}

/**
 * Cuts a connection of the pool that has been out for too long. One that the network has dropped silently would keep
 * its statement, and its place in the pool, until TCP gives up: for a quarter of an hour.
 * @param deadlineMs the longest a statement waits for a lock
 */
export function cutStuckConnections(dataSource: DataSource, deadlineMs: number): void {
  const logger = new Logger('Database');
  const { master } = dataSource.driver as unknown as { master: Pool };
  const since = new Map<Client, number>();
  master.on('acquire', (client) => since.set(client, performance.now()));
  master.on('release', (_error, client) => since.delete(client));
  master.on('remove', (client) => since.delete(client));
  const timer = setInterval(() => {
    for (const [client, at] of since) {
      if (performance.now() - at < deadlineMs + SPARE_MS) continue;
      logger.error('A connection to the database does not answer: cut off');
      since.delete(client);
      client.connection.stream.destroy();
    }
  }, CHECK_MS);
  timer.unref();
}
