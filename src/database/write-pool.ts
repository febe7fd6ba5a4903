import type { Pool } from 'pg';
import type { DatabaseClientConfig } from './database-client.js';
import type { Sessions } from './sessions.js';
import type { DataSource } from 'typeorm';

/** TypeORM's pool of connections, which its types leave out. */
export function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as unknown as { master: Pool }).master;
}

/** What makes the pool's sessions ready, for a connection beside it. */
export function sessionsOf(dataSource: DataSource): Sessions | undefined {
  return (poolOf(dataSource).options as DatabaseClientConfig).sessions;
}
