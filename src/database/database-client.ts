import { Client, type ClientConfig } from 'pg';

/**
 * A connection whose end its statements tell. It is an `error` event, too, which ends the process where nobody
 * listens: as when PostgreSQL ends a connection in the packet that opens it, before the pool and TypeORM do.
 */
export class DatabaseClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}
