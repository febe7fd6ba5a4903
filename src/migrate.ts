import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { loadDatabaseOptions } from './config.js';
import { migrateDatabase } from './database/data-source.js';

try {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const applied = await migrateDatabase(loadDatabaseOptions(process.env));
  for (const name of applied) process.stdout.write(`applied ${name}\n`);
  process.stdout.write('The database schema is up to date\n');
} catch (error) {
  process.stderr.write(`Cannot migrate: ${(error as Error).message}\n`);
  process.exit(1);
}
