import { type ClientBase, defaults } from 'pg';
import { DataSource, TypeORMError } from 'typeorm';
import { migrations as own } from '../../migrations/index.js';
import { DatabaseClient, type DatabaseClientConfig } from './database-client.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { lockDataDir } from './data-dir-lock.js';
import { NoSession } from './database-error.js';
import type { DatabaseOptions } from './database.options.js';
import { MAKE_COUNTER } from './examined-rows.js';
import { ReadOnlyDatabase } from './read-only-database.js';
import { SessionPool } from './session-pool.js';
import { Sessions } from './sessions.js';
import { cutStuckConnections } from './stuck-connections.js';
import { refuseTransactionPooling, TransactionPooling } from './transaction-pooling.js';
import { whenReachable } from './when-reachable.js';
import { MIGRATIONS_TABLE, migrateSchema, pendingMigrations } from './migrate-schema.js';

/** A free connection of the pool, or a new one, within this time; PGlite's only one is never given up. */
const CONNECT_MS = 10_000;

/**
 * PGlite is one session, whatever connects: it keeps what the connections before have prepared, and their names. So the
 * connection is kept, and what follows one that broke off begins without them. What bounds its lists is the session's, too.
 */
const ONE_SESSION = {
  idleTimeoutMillis: 0,
  onConnect: (client: ClientBase) => client.query(`DEALLOCATE ALL; ${MAKE_COUNTER}`),
};

/** The tables that are expected. */
interface Schema {
  entities?: Function[];
  /** beside the service's own */
  migrations?: Function[];
}

/** Not connected yet; `url` must be set. */
function postgresDataSource(options: DatabaseOptions, schema: Schema): DataSource {
  return new DataSource({
    type: 'postgres',
    url: options.url,
    applicationName: 'nest-devicehive',
    poolSize: options.poolSize,
    connectTimeoutMS: CONNECT_MS,
    extra: { Client: DatabaseClient, sessions: new Sessions(options.deadlineMs), keepAlive: true },
    ...common(schema),
  });
}

/** The database in `DATA_DIR`, which this process then holds until `destroy`. */
async function embeddedDataSource(options: DatabaseOptions, schema: Schema): Promise<DataSource> {
  const unlock = lockDataDir(options.dataDir);
  const server = await startEmbeddedPostgres(options.dataDir).catch((error) => {
    unlock();
    throw error;
  });
  const dataSource = new DataSource({
    type: 'postgres',
    host: server.host,
    username: 'postgres',
    database: 'postgres',
    poolSize: 1,
    connectTimeoutMS: CONNECT_MS,
    extra: { Client: DatabaseClient, ...ONE_SESSION },
    ...common(schema),
  });
  const destroy = dataSource.destroy.bind(dataSource);
  dataSource.destroy = async () => {
    if (dataSource.isInitialized) await destroy();
    await server.stop().finally(unlock);
  };
  return dataSource;
}

const common = (schema: Schema) => ({
  driver: { Pool: SessionPool, defaults },
  entities: schema.entities,
  migrations: [...own, ...(schema.migrations ?? [])],
  migrationsTableName: MIGRATIONS_TABLE,
  // TypeORM would print a failed statement with its parameters, which are the clients' data.
  logging: false,
});

/**
 * Connects, to a server as soon as it is there. The embedded database is brought up to date on the way; a server's schema is not touched.
 * @param signal ends the wait for a server
 * @throws where a server's database is not in UTF-8, or its schema lacks migrations, naming the command that runs them
 */
export async function openDatabase(
  options: DatabaseOptions,
  schema: Schema = {},
  signal?: AbortSignal,
): Promise<DataSource> {
  const embedded = options.url === undefined;
  const dataSource = embedded
    ? await embeddedDataSource(options, schema)
    : postgresDataSource(options, schema);
  try {
    if (embedded) {
      await dataSource.initialize();
      await migrateSchema(dataSource);
    } else {
      const where = `${new URL(options.url!).host} (DATABASE_URL)`;
      await whenReachable(where, () => connect(dataSource), signal).catch(refuse);
      await refuseOtherEncoding(dataSource);
      await refuseOldSchema(dataSource);
      cutStuckConnections(dataSource, options.deadlineMs);
    }
    return dataSource;
  } catch (error) {
    if (embedded || dataSource.isInitialized) await dataSource.destroy();
    throw error;
  }
}

async function connect(dataSource: DataSource): Promise<void> {
  const { url, extra } = dataSource.options as { url?: string; extra?: DatabaseClientConfig };
  await refuseTransactionPooling({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    ...extra,
  });
  await dataSource.initialize().catch((error) => {
    throw error instanceof NoSession ? error.driverError : error;
  });
}

/** Entities that do not fit are none of the variable's. */
function refuse(error: unknown): never {
  const isOwn = error instanceof TypeORMError || error instanceof TransactionPooling;
  if (isOwn || (error as Error).name === 'AbortError') throw error;
  if (error instanceof ReadOnlyDatabase)
    throw new Error(`DATABASE_URL leads to a database that takes no writes`);
  throw new Error(`DATABASE_URL leads to no database: ${(error as Error).message}`, { cause: error });
}

/** In any other, texts that clients send fail, or are measured in bytes. */
async function refuseOtherEncoding(dataSource: DataSource): Promise<void> {
  const [{ server_encoding: encoding }] = await dataSource.query('SHOW server_encoding');
  if (encoding === 'UTF8') return;
  throw new Error(
    `DATABASE_URL leads to a database in ${encoding}, which cannot hold all texts: it must be in UTF8`,
  );
}

async function refuseOldSchema(dataSource: DataSource): Promise<void> {
  const missing = await pendingMigrations(dataSource);
  if (missing.length === 0) return;
  throw new Error(
    `The database schema is not up to date: run "npm run migrate" first (it lacks ${missing.join(', ')})`,
  );
}

/**
 * Connects without asking for the schema, and waits for others that migrate.
 * @returns the names of the migrations that were applied
 */
export async function migrateDatabase(
  options: DatabaseOptions,
  migrations: Function[] = [],
): Promise<string[]> {
  const embedded = options.url === undefined;
  const dataSource = embedded
    ? await embeddedDataSource(options, { migrations })
    : postgresDataSource({ ...options, poolSize: 1, deadlineMs: 0 }, { migrations });
  try {
    if (embedded) {
      await dataSource.initialize();
    } else {
      await connect(dataSource).catch(refuse);
      await refuseOtherEncoding(dataSource);
    }
    return await migrateSchema(dataSource);
  } finally {
    if (embedded || dataSource.isInitialized) await dataSource.destroy();
  }
}
