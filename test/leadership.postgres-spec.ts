import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Queries } from '../src/database/queries.js';
import { CommandRepository } from '../src/actions/command/command.repository.js';
import { LeaderLock } from '../src/database/leader-lock.js';
import { termRow } from '../src/database/write-fence.js';
import { Superseded } from '../src/protocol/action-error.js';
import { UPDATE_FIELDS } from '../src/environment.js';
import { ReplayWindow } from '../src/transport/replay-window.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';
import { SAMPLE_DEVICE } from './support/service.js';

let environment: TestEnvironment;
let pool: DataSource;
let locks: LeaderLock[];
let name: string;

beforeAll(async () => {
  environment = await createEnvironment();
  pool = await new DataSource({ type: 'postgres', url: environment.env.DATABASE_URL }).initialize();
  await pool.query(`INSERT INTO dh_user (id, login, password_hash, role) VALUES (1, 'admin', '', 0)`);
  await pool.query(`INSERT INTO network (name) VALUES ('n')`);
  await pool.query(`INSERT INTO device_type (name) VALUES ('t')`);
  await pool.query(
    `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ($1, 'd', 1, 1)`,
    [SAMPLE_DEVICE],
  );
});
afterAll(async () => {
  await pool?.destroy();
  await environment?.dispose();
});
beforeEach(() => {
  locks = [];
  name = `mqtt://broker ${randomUUID()}`;
});
afterEach(() => Promise.all(locks.map((lock) => lock.resign())));

function candidate(of = name): LeaderLock {
  const lock = new LeaderLock(environment.env.DATABASE_URL!, of, pool);
  locks.push(lock);
  return lock;
}

/** Resolves when the candidate waits for another one; its victory is the promise inside. */
const standBy = (lock: LeaderLock) =>
  new Promise<{ won: Promise<boolean> }>((resolve) => {
    const won: Promise<boolean> = lock.win(() => resolve({ won }));
  });
const leaderSessions = () =>
  pool.query<{ pid: number }[]>(
    `SELECT pid FROM pg_stat_activity
      WHERE application_name = 'nest-devicehive leader' AND datname = current_database()`,
  );
const fenced = ({ name, epoch }: { name: string; epoch: string }) =>
  pool.query<object[]>(`WITH term AS (${termRow(true, 1)}) SELECT FROM term`, [name, epoch]);
const milliseconds = async (work: Promise<unknown>) => {
  const start = performance.now();
  await work;
  return performance.now() - start;
};

describe('of several candidates', () => {
  it('one leads; the next one does when it resigns, in another epoch', async () => {
    const [first, second] = [candidate(), candidate()];
    expect(await first.win(() => {})).toBe(true);
    const { epoch } = first.term;
    const { won } = await standBy(second);
    expect(() => second.term).toThrow(Superseded);
    await first.resign();
    expect(await won).toBe(true);
    expect(Number(second.term.epoch)).toBe(Number(epoch) + 1);
    expect(() => first.term).toThrow(Superseded);
  });

  it('each leads under a name of its own', async () => {
    expect(
      await Promise.all([candidate(), candidate(`${name} too`)].map((lock) => lock.win(() => {}))),
    ).toEqual([true, true]);
  });

  it('one that resigns while it waits does not lead', async () => {
    const [first, second] = [candidate(), candidate()];
    await first.win(() => {});
    const { won } = await standBy(second);
    await second.resign();
    expect(await won).toBe(false);
  });

  it('one that lives is not replaced', async () => {
    const [first, second] = [candidate(), candidate()];
    await first.win(() => {});
    const { won } = await standBy(second);
    const winner = await Promise.race([
      won.then(() => 'second'),
      first.lost().then(() => 'nobody'),
      new Promise((resolve) => setTimeout(resolve, 4_000, 'first')),
    ]);
    expect(winner).toBe('first');
  });
});

describe('a leader', () => {
  it('whose connection ends knows it, and is replaced', async () => {
    const [first, second] = [candidate(), candidate()];
    await first.win(() => {});
    const [session] = await leaderSessions();
    const { won } = await standBy(second);
    await pool.query('SELECT pg_terminate_backend($1)', [session!.pid]);
    await first.lost();
    expect(() => first.term).toThrow(Superseded);
    expect(await won).toBe(true);
  });

  it('that shows no life is replaced within 5 s', async () => {
    const second = candidate();
    const paused = pool.createQueryRunner();
    // What a paused process leaves: a session with the lock that runs nothing.
    const { key } = second as unknown as { key: bigint };
    await paused.query('SELECT pg_advisory_lock($1)', [key]);
    expect(await milliseconds(second.win(() => {}))).toBeLessThan(5_000);
    await paused.release().catch(() => undefined);
  });

  it('has its fence passed in its own epoch only', async () => {
    const [first, second] = [candidate(), candidate()];
    await first.win(() => {});
    const before = first.term;
    expect(await fenced(before)).toHaveLength(1);
    await first.resign();
    await second.win(() => {});
    expect(await fenced(before)).toHaveLength(0);
    expect(await fenced(second.term)).toHaveLength(1);
  });

  it('is not held up by what the one before still has in work, which does not commit', async () => {
    const [first, second] = [candidate(), candidate()];
    await first.win(() => {});
    const stuck = pool.createQueryRunner();
    await stuck.startTransaction();
    await stuck.query(termRow(true, 1), [first.term.name, first.term.epoch]);
    await stuck.query(`INSERT INTO network (name) VALUES ('written by the one before')`);
    await first.resign();
    expect(await milliseconds(second.win(() => {}))).toBeLessThan(5_000);
    await expect(stuck.commitTransaction()).rejects.toThrow(/terminat|closed|released/i);
    await stuck.release().catch(() => undefined);
    expect(await pool.query(`SELECT FROM network WHERE name = 'written by the one before'`)).toEqual([]);
  });
});

describe('a statement of a replica that was replaced', () => {
  const scope = { userId: 1, networkIds: null, deviceTypeIds: null, limited: false, generation: 0 };
  const fields = { status: 'late' };
  const options = { updateFields: UPDATE_FIELDS, deadlineMs: 10_000 };
  const window = new ReplayWindow(600);

  it('changes nothing, and is not answered', async () => {
    const [first, second] = [candidate(), candidate()];
    await first.win(() => {});
    const before = new CommandRepository(new Queries(pool), { term: first.term }, window, options);
    const inserted = await before.insert(scope, SAMPLE_DEVICE, { status: 'in time' });
    await first.resign();
    await second.win(() => {});
    await expect(before.update(scope, SAMPLE_DEVICE, inserted!.id, fields)).rejects.toThrow(Superseded);
    await expect(before.insert(scope, SAMPLE_DEVICE, fields)).rejects.toThrow(Superseded);
    const rows: { status: string }[] = await pool.query('SELECT status FROM device_command');
    expect(rows.map(({ status }) => status)).toEqual(['in time']);
    const now = new CommandRepository(new Queries(pool), second, window, options);
    expect(await now.update(scope, SAMPLE_DEVICE, inserted!.id, fields)).toMatchObject({ status: 'late' });
  });
});

describe('a database that is away', () => {
  it('is asked again until it is there', async () => {
    const lock = new LeaderLock('postgres://postgres@127.0.0.1:1/nowhere', name, pool);
    const won = lock.win(() => {});
    const first = await Promise.race([
      won,
      new Promise((resolve) => setTimeout(resolve, 500, 'still asking')),
    ]);
    expect(first).toBe('still asking');
    await lock.resign();
    expect(await won).toBe(false);
  });
});
