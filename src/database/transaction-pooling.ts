import { DatabaseClient, type DatabaseClientConfig } from './database-client.js';

/** Connections that are in a transaction at the same time. */
const COMPANIONS = 4;
/** For an answer, of a pooler that has too few sessions for them. */
const WAIT_MS = 3_000;

/** Its text is for the operator. */
export class TransactionPooling extends Error {
  constructor() {
    super(
      'DATABASE_URL leads to a pooler in transaction mode, where locks, settings and prepared statements do not stay with ' +
        'their connection: use session mode, or PostgreSQL itself',
    );
  }
}

/**
 * Refuses a pooler that gives the server's session of a connection to others between two transactions: there locks,
 * settings and prepared statements do not stay with their connection.
 * @throws {TransactionPooling} and what the first connection fails with
 */
export async function refuseTransactionPooling(config: DatabaseClientConfig): Promise<void> {
  const connections: DatabaseClient[] = [];
  const connect = async () => {
    const connection = new DatabaseClient({ ...config, query_timeout: WAIT_MS });
    connections.push(connection);
    await connection.connect();
    return connection;
  };
  try {
    if (!(await isShared(connect))) return;
  } finally {
    await Promise.all(connections.map((connection) => connection.end()));
  }
  throw new TransactionPooling();
}

/**
 * In session mode no two connections have the same process on the server at the same time. So one asks for its own, and
 * others begin transactions: if one of them runs in that process, or the first one in another by now, it is shared. There
 * are several of them, since a pooler may hand out its sessions in turn.
 */
async function isShared(connect: () => Promise<DatabaseClient>): Promise<boolean> {
  const first = await connect();
  if (!first.isPooled) return false;
  const own = await processOf(first);
  try {
    for (let n = 0; n < COMPANIONS; n++) {
      const companion = await connect();
      await companion.query('BEGIN');
      if ((await processOf(companion)) === own) return true;
      if ((await processOf(first)) !== own) return true;
    }
  } catch {
    // There is no session for another one while the first has its own.
  }
  return false;
}

async function processOf(connection: DatabaseClient): Promise<number> {
  const { rows } = await connection.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]!.pid;
}
