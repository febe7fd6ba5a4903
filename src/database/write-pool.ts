import type { Pool } from 'pg';
import type { DatabaseClientConfig } from './database-client.js';
import type { Sessions } from './sessions.js';
import { type DataSource, QueryFailedError } from 'typeorm';

/** TypeORM's pool of connections, which its types leave out. */
export function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as unknown as { master: Pool }).master;
}

/** What makes the pool's sessions ready, for a connection beside it. */
export function sessionsOf(dataSource: DataSource): Sessions | undefined {
  return (poolOf(dataSource).options as DatabaseClientConfig).sessions;
}

/** A statement that each connection prepares once, under its name. */
export interface PreparedStatement {
  name: string;
  text: string;
}

/**
 * Runs a statement that is not planned at each call, which TypeORM cannot: planning one of the batches takes longer
 * than running it for one row. A failed one throws what TypeORM throws, without the values, which are the clients'.
 */
export async function runPrepared<Row extends object>(
  dataSource: DataSource,
  { name, text }: PreparedStatement,
  values: unknown[],
): Promise<Row[]> {
  const session = await poolOf(dataSource).connect();
  try {
    return (await session.query<Row>({ name, text, values })).rows;
  } catch (error) {
    throw new QueryFailedError(text, [], error as Error);
  } finally {
    session.release();
  }
}
