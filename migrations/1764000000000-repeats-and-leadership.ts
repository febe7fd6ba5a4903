import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What makes a repeated request recognisable, and what keeps a replica that was replaced from writing. */
export class RepeatsAndLeadership1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Not indexed, so that updates stay heap-only. One entry for each request: 8 bytes of its key, 8 of its
    // content, 4 of its time in seconds.
    await runner.query(`ALTER TABLE device_command ADD COLUMN recent bytea[] NOT NULL DEFAULT '{}'`);
    await runner.query(`
      CREATE TABLE recent_insert (
        request bytea PRIMARY KEY,
        content bytea NOT NULL,
        made_id bigint NOT NULL,
        at timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE leadership (
        name text PRIMARY KEY,
        epoch bigint NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE leadership, recent_insert`);
    await runner.query(`ALTER TABLE device_command DROP COLUMN recent`);
  }
}
