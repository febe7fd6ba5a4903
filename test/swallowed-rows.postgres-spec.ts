import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandRepository } from '../src/actions/command/command.repository.js';
import { openDatabase } from '../src/database/data-source.js';
import type { DatabaseOptions } from '../src/database/database.options.js';
import { Queries } from '../src/database/queries.js';
import { UPDATE_FIELDS } from '../src/environment.js';
import { Superseded } from '../src/protocol/action-error.js';
import { ReplayWindow } from '../src/transport/replay-window.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';

const ADMIN = { userId: 1, networkIds: null, deviceTypeIds: null, limited: false, generation: 0 };
const TERM = { name: 'test', epoch: '7' };
const MISSING = 'No outcome of this request: a trigger may have suppressed its row';

let environment: TestEnvironment;
let pool: DataSource;

beforeAll(async () => {
  environment = await createEnvironment();
  const { DATABASE_URL: url } = environment.env;
  pool = await openDatabase({ url, poolSize: 4, deadlineMs: 1_000 } as DatabaseOptions);
  await pool.query(`INSERT INTO dh_user (id, login, password_hash, role) VALUES (1, 'a', '', 0)`);
  await pool.query(`INSERT INTO network (id, name) VALUES (1, 'one')`);
  await pool.query(`INSERT INTO device_type (id, name) VALUES (1, 't')`);
  await pool.query(
    `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('one', '', 1, 1)`,
  );
  await pool.query(`INSERT INTO leadership VALUES ($1, $2)`, [TERM.name, TERM.epoch]);
  await pool.query(`
    CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.status = 'swallowed' THEN RETURN NULL; END IF;
      NEW.result := to_jsonb('by trigger ' || NEW.status);
      RETURN NEW;
    END $$`);
  await pool.query(
    `CREATE TRIGGER change BEFORE INSERT OR UPDATE ON device_command FOR EACH ROW EXECUTE FUNCTION change()`,
  );
});
afterAll(async () => {
  await pool?.destroy();
  await environment?.dispose();
});

describe.each([
  ['in a process of its own', undefined],
  ['in the process that leads', TERM],
])('a trigger that suppresses the rows of some requests, %s', (_, term) => {
  const repository = () =>
    new CommandRepository(new Queries(pool), { term }, new ReplayWindow(600), {
      updateFields: UPDATE_FIELDS,
      deadlineMs: 1_000,
    });
  const insert = (commands: CommandRepository, status: string) =>
    commands.insert(ADMIN, 'one', { command: 'led/on', status });
  const answer = (settled: PromiseSettledResult<any>) =>
    settled.status === 'fulfilled' ? settled.value.result.text : settled.reason.message;
  const wanted = Array.from({ length: 20 }, (__, n) => (n % 7 === 3 ? 'swallowed' : `s${n}`));
  const expected = wanted.map((status) => (status === 'swallowed' ? MISSING : `"by trigger ${status}"`));

  it('fails those updates alone; each other has its own row as it was stored', async () => {
    const commands = repository();
    const made = await Promise.all(wanted.map((__, n) => insert(commands, `new ${n}`)));
    const answers = wanted.map((status, n) => commands.update(ADMIN, 'one', made[n]!.id, { status }));
    expect((await Promise.allSettled(answers)).map(answer)).toEqual(expected);
  });

  it('fails those inserts alone; each other has its own row as it was stored', async () => {
    const commands = repository();
    const answers = wanted.map((status) => insert(commands, status));
    expect((await Promise.allSettled(answers)).map(answer)).toEqual(expected);
  });

  it('fails an insert and an update that come alone', async () => {
    const commands = repository();
    await expect(insert(commands, 'swallowed')).rejects.toThrow(MISSING);
    const made = await insert(commands, 'kept');
    await expect(commands.update(ADMIN, 'one', made!.id, { status: 'swallowed' })).rejects.toThrow(MISSING);
  });
});

it('a suppressed row of a process that does not lead any more is left to the next one', async () => {
  const fence = { term: { ...TERM, epoch: '6' } };
  const options = { updateFields: UPDATE_FIELDS, deadlineMs: 1_000 };
  const commands = new CommandRepository(new Queries(pool), fence, new ReplayWindow(600), options);
  const late = commands.insert(ADMIN, 'one', { command: 'led/on', status: 'swallowed' });
  await expect(late).rejects.toBeInstanceOf(Superseded);
});
