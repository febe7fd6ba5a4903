import { type DataSource, MigrationExecutor } from 'typeorm';

export const MIGRATIONS_TABLE = 'devicehive_migrations';

/** Names of the migrations that have not run. Unlike TypeORM's question this one creates no table. */
export async function pendingMigrations(dataSource: DataSource): Promise<string[]> {
  const names = dataSource.migrations.map(({ name, constructor }) => name ?? constructor.name);
  const [{ exists }] = await dataSource.query('SELECT to_regclass($1) IS NOT NULL AS exists', [
    MIGRATIONS_TABLE,
  ]);
  if (!exists) return names;
  const rows: { name: string }[] = await dataSource.query(`SELECT name FROM ${MIGRATIONS_TABLE}`);
  const applied = new Set(rows.map(({ name }) => name));
  return names.filter((name) => !applied.has(name));
}

/** Any number; the same in every release, since replicas of two releases may start together. */
const MIGRATION_LOCK = 4_801_218_309;

/**
 * Brings the schema up to date. Replicas that start together do it one after the other: TypeORM takes no lock
 * (typeorm#4588). Lock and migrations share one connection, because the embedded database has only one.
 * @returns the names of the migrations that were applied
 */
export async function migrateSchema(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const executor = new MigrationExecutor(dataSource, runner);
    const applied = await executor.executePendingMigrations();
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    return applied.map(({ name }) => name);
  } finally {
    await runner.release();
  }
}
