import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What `READ_RIGHTS` in `user-rights.ts` reads. */
const CHANGES = {
  dh_user: 'INSERT OR DELETE OR UPDATE OF id, role, status, all_device_types_available',
  user_network: 'INSERT OR DELETE OR UPDATE',
  user_device_type: 'INSERT OR DELETE OR UPDATE',
};

/**
 * Names the last transaction that changed anybody's rights, so that a service need not read them all to know. Triggers
 * see plain SQL, too. They wait for the commit, so that transactions do not hold each other up before; one that
 * changes many rows writes once. Whoever may change rights needs no right to the table.
 */
export class RightsChange1764300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const [{ schema }] = await runner.query(`SELECT quote_ident(current_schema()) AS schema`);
    await runner.query(`CREATE TABLE rights_change (transaction bigint NOT NULL)`);
    await runner.query(`INSERT INTO rights_change VALUES (txid_current())`);
    await runner.query(`
      CREATE FUNCTION note_rights_change() RETURNS trigger
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        UPDATE ${schema}.rights_change SET transaction = txid_current() WHERE transaction <> txid_current();
        RETURN NULL;
      END $$`);
    for (const [table, events] of Object.entries(CHANGES)) {
      await runner.query(`
        CREATE CONSTRAINT TRIGGER rights_change AFTER ${events} ON ${table}
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_rights_change()`);
      await runner.query(`
        CREATE TRIGGER rights_change_of_all AFTER TRUNCATE ON ${table}
        FOR EACH STATEMENT EXECUTE FUNCTION note_rights_change()`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION note_rights_change() CASCADE`);
    await runner.query(`DROP TABLE rights_change`);
  }
}
