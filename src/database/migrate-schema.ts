import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { type DataSource, MigrationExecutor, type QueryFailedError, type QueryRunner } from 'typeorm';
import { isLocked } from './database-error.js';

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

/** A migration waits for a lock so long, and gives way for so long. */
const LOCK_MS = 500;
const GIVE_WAY_MS = 1_000;
const REMIND_MS = 10_000;

/**
 * Brings the schema up to date. Replicas that start together do it one after the other: TypeORM takes no lock
 * (typeorm#4588). Lock and migrations share one connection, because the embedded database has only one.
 * @returns the names of the migrations that were applied
 */
export async function migrateSchema(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied = await migrateGivingWay(dataSource, runner);
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    return applied;
  } finally {
    await runner.release();
  }
}

/**
 * Behind a migration that waits for the lock of a table, all who use the table wait. So it waits for a moment, is rolled
 * back, and begins again when they had their turn, for as long as it takes.
 */
async function migrateGivingWay(dataSource: DataSource, runner: QueryRunner): Promise<string[]> {
  await runner.query(`SET lock_timeout = ${LOCK_MS}`);
  let remindAt = 0;
  for (;;) {
    try {
      const applied = await new MigrationExecutor(dataSource, runner).executePendingMigrations();
      await runner.query('RESET lock_timeout');
      return applied.map(({ name }) => name);
    } catch (error) {
      if (!isLocked(error)) throw error;
      if (performance.now() >= remindAt) {
        const statement = (error as QueryFailedError).query.replace(/\s+/g, ' ').trim();
        new Logger('Database').warn(`A migration waits for a lock that somebody else holds: ${statement}`);
        remindAt = performance.now() + REMIND_MS;
      }
    }
    await delay(GIVE_WAY_MS);
  }
}
