import type { Pool, PoolClient } from 'pg';
import { type DataSource, QueryFailedError } from 'typeorm';
import type { DatabaseClientConfig } from './database-client.js';
import type { Sessions } from './sessions.js';

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

// PGlite is one session for all connections, one after the other: a name that a former one has used is taken.
const serials = new WeakMap<PoolClient, number>();
let lastSerial = 0;

/**
 * Runs a statement that is not planned at each call, which TypeORM cannot: planning one of the batches takes longer
 * than running it for one row. A failed one throws what TypeORM throws, without the values, which are the clients'.
 */
export async function runPrepared<Row extends object>(
  dataSource: DataSource,
  { name, text }: PreparedStatement,
  values: unknown[],
): Promise<Row[]> {
  const client = await poolOf(dataSource).connect();
  if (!serials.has(client)) serials.set(client, ++lastSerial);
  try {
    const prepared = { name: `${name}_${serials.get(client)}`, text, values };
    return (await client.query<Row>(prepared)).rows;
  } catch (error) {
    throw new QueryFailedError(text, [], error as Error);
  } finally {
    client.release();
  }
}
