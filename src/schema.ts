import { loadDatabaseOptions } from './config.js';
import { migrateDatabase } from './database/data-source.js';
import { type DeviceHiveRootOptions, readOptions } from './devicehive.options.js';

/** The options of `DeviceHiveModule.forRoot()`, of which those for the database and `migrations` count. */
export type MigrateOptions = DeviceHiveRootOptions;

/**
 * Brings the schema of the configured database up to date: the service's own tables, and those of the migrations
 * given. Processes that do it at the same time wait for each other. Nothing else is started.
 * @returns the names of the migrations that were applied, in their order
 * @throws where a variable is wrong, the database cannot be reached or a migration fails
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  return migrateDatabase(loadDatabaseOptions(readOptions(options)), options.migrations);
}
