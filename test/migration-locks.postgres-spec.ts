import type { MigrationInterface, QueryRunner } from 'typeorm';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../src/index.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';

class AddColumns1990000000000 implements MigrationInterface {
  readonly name = 'AddColumns1990000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE device ADD COLUMN colour text');
    await runner.query('ALTER TABLE device_command ADD COLUMN colour text');
  }

  async down(): Promise<void> {}
}

let environment: TestEnvironment;
let others: DataSource;

beforeEach(async () => {
  environment = await createEnvironment();
  others = await new DataSource({
    type: 'postgres',
    url: environment.env.DATABASE_URL,
    // What has no limit of its own would wait for as long as the migration does.
    extra: { options: '-c statement_timeout=10s' },
  }).initialize();
});
afterEach(async () => {
  await others?.destroy();
  await environment?.dispose();
});

const run = () => migrate({ environment: environment.env, migrations: [AddColumns1990000000000] });
const migrationWaits = async () => {
  const [row] = await others.query(
    `SELECT count(*)::int AS count FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE device_command%'`,
  );
  return row.count === 1;
};

describe('a migration that waits for a table', () => {
  it('lets others use it, and those that it has locked before, and is applied when the table is free', async () => {
    const holder = others.createQueryRunner();
    try {
      await holder.startTransaction();
      await holder.query('SELECT FROM device_command');
      const migrating = run();
      await expect.poll(migrationWaits, { interval: 10 }).toBe(true);
      await others.query('SELECT FROM device_command');
      await others.query('SELECT FROM device');
      await expect.poll(migrationWaits, { interval: 10, timeout: 5_000 }).toBe(true);
      await others.query('UPDATE device SET blocked = false');
      await holder.commitTransaction();
      expect(await migrating).toEqual(['AddColumns1990000000000']);
    } finally {
      await holder.release();
    }
    await others.query('SELECT d.colour, c.colour FROM device d, device_command c');
  });

  it('waits for another process that migrates for as long as that takes', async () => {
    const other = others.createQueryRunner();
    try {
      await other.query('SELECT pg_advisory_lock(4801218309)');
      const migrating = run();
      const waitsLong = `SELECT pid FROM pg_stat_activity WHERE datname = current_database()
         AND wait_event = 'advisory' AND now() - query_start > interval '1 second'`;
      await expect.poll(async () => (await others.query(waitsLong)).length, { timeout: 5_000 }).toBe(1);
      await other.query('SELECT pg_advisory_unlock(4801218309)');
      expect(await migrating).toEqual(['AddColumns1990000000000']);
    } finally {
      await other.release();
    }
  });
});
