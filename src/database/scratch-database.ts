import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import type { DatabaseOptions } from './database.options.js';
import { migrateDatabase } from './data-source.js';

/** A database that is there for one run of the demo or one test file. */
export interface ScratchDatabase {
  url: string;
  /** drops it, with whoever is still connected */
  drop(): Promise<void>;
}

/**
 * Creates a database beside the one in `url`, brings it up to date, and touches nothing else on the server.
 * @param url its user needs the right to create databases
 */
export async function createScratchDatabase(url: string): Promise<ScratchDatabase> {
  const name = `devicehive_scratch_${randomBytes(6).toString('hex')}`;
  const scratch = new URL(url);
  scratch.pathname = `/${name}`;
  await runOn(url, `CREATE DATABASE ${name}`);
  await migrateDatabase({ url: scratch.href } as DatabaseOptions);
  return { url: scratch.href, drop: () => runOn(url, `DROP DATABASE ${name} WITH (FORCE)`) };
}

async function runOn(url: string, statement: string): Promise<void> {
  const server = await new DataSource({ type: 'postgres', url }).initialize();
  try {
    await server.query(statement);
  } finally {
    await server.destroy();
  }
}
