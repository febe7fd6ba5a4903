import type { MigrationInterface, QueryRunner } from 'typeorm';

const RIGHTS = 'INSERT OR DELETE OR UPDATE OF id, role, status, all_device_types_available';

/**
 * What a user has been given ends when the user's generation rises: at another login, password or status, or a role with
 * fewer rights. By a trigger, so that plain SQL ends it as well. The service sets `devicehive.keeps_password` when it
 * writes another hash of the same password.
 */
export class CredentialGeneration1764500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE dh_user ADD generation int NOT NULL DEFAULT 0`);
    await runner.query(`
      CREATE FUNCTION raise_generation() RETURNS trigger
      LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        NEW.generation = greatest(NEW.generation, OLD.generation + 1);
        RETURN NEW;
      END $$`);
    await runner.query(`
      CREATE TRIGGER raise_generation BEFORE UPDATE ON dh_user FOR EACH ROW WHEN (
        OLD.login <> NEW.login OR OLD.status <> NEW.status OR OLD.role < NEW.role
          OR OLD.password_hash <> NEW.password_hash
            AND current_setting('devicehive.keeps_password', true) IS DISTINCT FROM 'on')
      EXECUTE FUNCTION raise_generation()`);
    await this.noteChanges(runner, `${RIGHTS}, login, password_hash, generation`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await this.noteChanges(runner, RIGHTS);
    await runner.query(`DROP TRIGGER raise_generation ON dh_user`);
    await runner.query(`DROP FUNCTION raise_generation()`);
    await runner.query(`ALTER TABLE dh_user DROP generation`);
  }

  /** A column that a trigger sets is none that the statement sets. */
  private async noteChanges(runner: QueryRunner, events: string): Promise<void> {
    await runner.query(`DROP TRIGGER rights_change ON dh_user`);
    await runner.query(`
      CREATE CONSTRAINT TRIGGER rights_change AFTER ${events} ON dh_user
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_rights_change()`);
  }
}
