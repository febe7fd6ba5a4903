import type { MigrationInterface } from 'typeorm';
import type { Type } from '@nestjs/common';
import { loadDatabaseOptions } from './config.js';
import { migrateDatabase } from './database/data-source.js';
import type { DeviceHiveOptions } from './devicehive.options.js';

/** What `migrate` reads: the options of `DeviceHiveModule.forRoot()` will do. */
export interface MigrateOptions extends DeviceHiveOptions {
  migrations?: Type<MigrationInterface>[];
}

/**
 * Brings the schema of the configured database up to date: the service's own tables, and those of the migrations
 * given. Processes that do it at the same time wait for each other. Nothing else is started.
 * @returns the names of the migrations that were applied, in their order
 * @throws where a variable is wrong, the database cannot be reached or a migration fails
 */
export function migrate({ environment, migrations }: MigrateOptions): Promise<string[]> {
  return migrateDatabase(loadDatabaseOptions(environment), migrations);
}
