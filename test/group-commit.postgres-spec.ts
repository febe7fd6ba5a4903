import { createHash } from 'node:crypto';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Queries } from '../src/database/queries.js';
import { CommandRepository } from '../src/actions/command/command.repository.js';
import type { DeviceCommand } from '../src/actions/command/device-command.js';
import { openDatabase } from '../src/database/data-source.js';
import type { DatabaseOptions } from '../src/database/database.options.js';
import type { WriteFence } from '../src/database/write-fence.js';
import { UPDATE_FIELDS } from '../src/environment.js';
import { JsonText } from '../src/protocol/json-text.js';
import { Superseded } from '../src/protocol/action-error.js';
import { type Fingerprint, ReplayWindow } from '../src/transport/replay-window.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';

const DEADLINE_MS = 700;
const ADMIN = { userId: 1, networkIds: null, deviceTypeIds: null, limited: false, generation: 0 };
/** Sees network 2 alone. */
const USER = { ...ADMIN, userId: 2 };

let environment: TestEnvironment;
let pool: DataSource;
let commands: CommandRepository;

const open = (poolSize = 8) =>
  openDatabase({ url: environment.env.DATABASE_URL, poolSize, deadlineMs: DEADLINE_MS } as DatabaseOptions);
const repository = (of = pool, fence: WriteFence = { term: undefined }, deadlineMs = DEADLINE_MS) =>
  new CommandRepository(new Queries(of), fence, new ReplayWindow(600), {
    updateFields: UPDATE_FIELDS,
    deadlineMs,
  });
/** Another process, on a machine that may be busy. */
const process = (of = pool) => repository(of, { term: undefined }, 10_000);

beforeAll(async () => {
  environment = await createEnvironment();
  pool = await open();
  await pool.query(
    `INSERT INTO dh_user (id, login, password_hash, role) VALUES (1, 'a', '', 0), (2, 'u', '', 1)`,
  );
  await pool.query(`INSERT INTO network (id, name) VALUES (1, 'one'), (2, 'two')`);
  await pool.query(`INSERT INTO device_type (id, name) VALUES (1, 't')`);
  await pool.query(`INSERT INTO leadership VALUES ('test', 1)`);
});
afterAll(async () => {
  await pool?.destroy();
  await environment?.dispose();
});
beforeEach(async () => {
  commands = repository();
  await pool.query('DELETE FROM device');
  await pool.query('UPDATE dh_user SET status = 0, role = id - 1');
  await pool.query('UPDATE dh_user SET generation = 0');
  await pool.query('DELETE FROM user_network');
  await pool.query('INSERT INTO user_network VALUES (2, 2)');
  await pool.query(
    `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('one', '', 1, 1), ('two', '', 2, 1)`,
  );
});

const digest = (text: string) => `\\x${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
const request = (key: string, content = key): Fingerprint => ({ key: digest(key), content: digest(content) });

async function makeCommands(count: number, device = 'one'): Promise<number[]> {
  const rows: { id: string }[] = await pool.query(
    `INSERT INTO device_command (device, command, timestamp, last_updated)
     SELECT d.id, 'on', now(), now() FROM device d, generate_series(1, $2::int) WHERE d.device_id = $1 RETURNING id`,
    [device, count],
  );
  return rows.map(({ id }) => Number(id));
}
const makeCommand = async (device?: string) => (await makeCommands(1, device))[0]!;
const stored = async (id: number): Promise<Record<string, any>> =>
  (await pool.query('SELECT * FROM device_command WHERE id = $1', [id]))[0];
const statusOf = async (id: number) => (await stored(id)).status as string | null;
const update = (id: number, status: string, sentAs?: Fingerprint) =>
  commands.update(ADMIN, 'one', id, { status }, sentAs);
const statuses = (answers: (DeviceCommand | undefined)[]) => answers.map((answer) => answer?.status);
const failures = async (promises: Promise<unknown>[]) =>
  (await Promise.allSettled(promises)).flatMap((result) =>
    result.status === 'rejected' ? [result.reason] : [],
  );

/** Runs a statement and keeps what it locks until the end. */
async function hold(statement: string, parameters: unknown[] = []) {
  const runner = pool.createQueryRunner();
  await runner.startTransaction();
  await runner.query(statement, parameters);
  return {
    async end() {
      await runner.commitTransaction();
      await runner.release();
    },
  };
}
const lock = (id: number) => hold('SELECT FROM device_command WHERE id = $1 FOR UPDATE', [id]);
const waitingBackends = async (): Promise<number[]> => {
  const rows: { pid: number }[] = await pool.query(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows.map(({ pid }) => pid);
};

describe('updates that come together', () => {
  it('each get their own outcome, from a few commits', async () => {
    const ids = await makeCommands(1_000);
    const answers = await Promise.all(ids.map((id) => update(id, `s${id}`, request(`${id}`))));
    expect(answers.map((answer) => [answer!.id, answer!.status])).toEqual(ids.map((id) => [id, `s${id}`]));
    const [row] = await pool.query(
      `SELECT count(*)::int AS rows, count(DISTINCT xmin::text)::int AS commits
         FROM device_command WHERE status = 's' || id`,
    );
    expect(row.rows).toBe(1_000);
    expect(row.commits).toBeLessThan(20);
  });

  it('store all six fields as they came, and keep those that are not set', async () => {
    const [whole, part] = (await makeCommands(2)) as [number, number];
    const fields = {
      command: 'na"me, {with} \\ everything',
      timestamp: new Date('2020-01-02T03:04:05.678Z'),
      parameters: new JsonText('{"id": 9007199254740993, "text": "\\"a\\\\ {b}, NULL"}'),
      lifetime: -7,
      status: 'NULL',
      result: new JsonText('[null, 1.50]'),
    };
    const [answer] = await Promise.all([
      commands.update(ADMIN, 'one', whole, fields),
      commands.update(ADMIN, 'one', part, { result: new JsonText('null') }),
    ]);
    expect(answer).toMatchObject({
      ...fields,
      timestamp: '2020-01-02T03:04:05.678',
      parameters: { text: '{"id": 9007199254740993, "text": "\\"a\\\\ {b}, NULL"}' },
      result: { text: '[null, 1.50]' },
    });
    expect(await commands.get(ADMIN, 'one', whole)).toEqual(answer);
    expect(await stored(part)).toMatchObject({
      command: 'on',
      status: null,
      lifetime: null,
      is_updated: true,
    });
  });

  it('of commands that are long are answered whole, and read one by one where the answer would be too long', async () => {
    const ids = await makeCommands(200);
    const length = 100_000;
    const makeLong = `UPDATE device_command SET result = to_jsonb(repeat('x', $2)) WHERE id = ANY ($1)`;
    await pool.query(makeLong, [ids.slice(1), length]);
    const runs = vi.spyOn(Queries.prototype, 'run');
    const answers = await Promise.all(ids.map((id) => update(id, `s${id}`, request(`long/${id}`))));
    expect(runs.mock.calls.filter(([kind]) => kind === 'lookup')).toHaveLength(199);
    runs.mockRestore();
    expect(statuses(answers)).toEqual(ids.map((id) => `s${id}`));
    expect(answers.map((answer) => answer!.result?.text.length)).toEqual([
      undefined,
      ...ids.slice(1).map(() => length + 2),
    ]);
    expect(await commands.get(ADMIN, 'one', ids[1]!)).toEqual(answers[1]);
  });

  it('of one command keep their order, and both count', async () => {
    const id = await makeCommand();
    const answers = await Promise.all([1, 2, 3].map((i) => update(id, `s${i}`, request(`${i}`))));
    expect(statuses(answers)).toEqual(['s1', 's2', 's3']);
    const versions = answers.map((answer) => answer!.lastUpdated);
    expect(versions).toEqual([...new Set(versions)].toSorted());
    expect(await stored(id)).toMatchObject({ status: 's3', recent: { length: 3 } });
  });

  it('of one command do not overtake each other, whenever they come', async () => {
    const id = await makeCommand();
    const [first, second] = [update(id, 's1'), update(id, 's2')];
    await first;
    const third = await update(id, 's3');
    expect((await second)!.lastUpdated < third!.lastUpdated).toBe(true);
    expect(await statusOf(id)).toBe('s3');
  });

  it('are applied once where one repeats another, at the same time or later', async () => {
    const [id, other] = (await makeCommands(2)) as [number, number];
    const [first, again] = await Promise.all([
      update(id, 'once', request('r')),
      update(id, 'once', request('r')),
      update(other, 'other', request('r')),
    ]);
    expect(again).toEqual(first);
    const newest = await update(id, 'newer', request('s'));
    expect(await update(id, 'once', request('r'))).toEqual(newest);
    expect(await update(id, 'twice', request('r', 'other content'))).toMatchObject({ status: 'twice' });
    expect(await statusOf(other)).toBe('other');
  });

  it('answer nothing for unknown commands, foreign devices and tokens of other networks, and apply the others', async () => {
    const [own, second] = (await makeCommands(2, 'two')) as [number, number];
    const foreign = await makeCommand('one');
    const set = { status: 'set' };
    const answers = await Promise.all([
      commands.update(USER, 'two', own, set),
      commands.update(USER, 'one', foreign, set),
      commands.update(USER, 'two', foreign, set),
      commands.update(USER, 'two', 4_611_686_018_427, set),
      commands.update(USER, 'nowhere', own, set),
      commands.update({ ...ADMIN, networkIds: [1, 7] }, 'two', own, set),
      commands.update({ ...ADMIN, deviceTypeIds: [] }, 'one', foreign, set),
      commands.update({ ...ADMIN, networkIds: [7, 2], deviceTypeIds: [1] }, 'two', second, set),
    ]);
    expect(statuses(answers)).toEqual(['set', ...Array<undefined>(6).fill(undefined), 'set']);
    expect(await statusOf(foreign)).toBeNull();
  });

  it('heed a right that was revoked, for repeats too', async () => {
    const id = await makeCommand('two');
    const ask = () => commands.update(USER, 'two', id, { status: 'mine' }, request('r'));
    expect(await ask()).toMatchObject({ status: 'mine' });
    await pool.query('DELETE FROM user_network');
    expect(await ask()).toBeUndefined();
    await pool.query('UPDATE dh_user SET role = 0 WHERE id = 2');
    expect(await ask()).toMatchObject({ status: 'mine' });
    await pool.query('UPDATE dh_user SET status = 1 WHERE id = 2');
    expect(await ask()).toBeUndefined();
  });
});

describe('an update that PostgreSQL refuses', () => {
  it.each([
    ['a character', 0, { status: 'a\u0000b' }, '22021'],
    ['JSON', 0, { result: new JsonText('{"a":') }, '22P02'],
    ['a number in JSON', 0, { parameters: new JsonText('1e1000000') }, '22003'],
    ['a name that is too long', 0, { command: 'x'.repeat(129) }, '22001'],
    ['an id beyond 64 bits', 2 ** 63, { status: 'x' }, '22003'],
  ])('fails alone among a hundred: %s', async (_, commandId, fields, code) => {
    const [bad, ...good] = (await makeCommands(101)) as [number, ...number[]];
    const all = good.map((id) => update(id, 'good'));
    all.splice(37, 0, commands.update(ADMIN, 'one', commandId || bad, fields));
    const errors = await failures(all);
    expect(errors.map(({ driverError }) => driverError.code)).toEqual([code]);
    const [{ count }] = await pool.query(`SELECT count(*)::int FROM device_command WHERE status = 'good'`);
    expect(count).toBe(100);
    expect(await statusOf(bad)).toBeNull();
  });
});

describe('a locked row', () => {
  it('holds up no other of its batch, and is changed in order when it is free', async () => {
    const [locked, ...free] = (await makeCommands(50)) as [number, ...number[]];
    const { end } = await lock(locked);
    let isFree = false;
    const waiting = [1, 2, 3].map((i) =>
      update(locked, `s${i}`).then((answer) => ({ status: answer!.status, isFree })),
    );
    expect(statuses(await Promise.all(free.map((id) => update(id, 'free'))))).toEqual(free.map(() => 'free'));
    isFree = true;
    await end();
    expect(await Promise.all(waiting)).toEqual([1, 2, 3].map((i) => ({ status: `s${i}`, isFree: true })));
  });

  it('is given up on at the deadline with 503; nothing is applied then, and the next update is', async () => {
    const id = await makeCommand();
    const { end } = await lock(id);
    const cameAt = performance.now();
    const errors = await failures([update(id, 'late'), update(id, 'later')]);
    const refusal = { code: 503, message: 'The row is locked by somebody else, try again' };
    expect(errors).toMatchObject([refusal, refusal]);
    expect(performance.now() - cameAt).toBeGreaterThanOrEqual(DEADLINE_MS);
    expect(performance.now() - cameAt).toBeLessThan(DEADLINE_MS * 3);
    await end();
    expect(await statusOf(id)).toBeNull();
    expect(await update(id, 'free')).toMatchObject({ status: 'free' });
  });

  it('takes no connection of the pool, however many there are', async () => {
    const [free, ...locked] = (await makeCommands(21)) as [number, ...number[]];
    const { end } = await hold('SELECT FROM device_command WHERE id = ANY ($1) FOR UPDATE', [locked]);
    const waiting = Promise.all(locked.map((id) => update(id, 'free at last')));
    expect(await update(free, 'free')).toMatchObject({ status: 'free' });
    expect(await waitingBackends()).toEqual([]);
    await end();
    expect(new Set(statuses(await waiting))).toEqual(new Set(['free at last']));
  });

  it('of a command that is deleted meanwhile is unknown', async () => {
    const id = await makeCommand();
    const { end } = await hold('DELETE FROM device_command WHERE id = $1', [id]);
    const answer = update(id, 'late');
    await update(await makeCommand(), 'passes by');
    await end();
    expect(await answer).toBeUndefined();
  });
});

describe('inserts that come together', () => {
  const insert = (command: string, sentAs?: Fingerprint, device = 'one', scope = ADMIN) =>
    commands.insert(scope, device, { command }, sentAs);
  const count = async () => (await pool.query('SELECT count(*)::int FROM device_command'))[0].count as number;

  it('each get the row that was stored, in one batch with ids in the order of the calls', async () => {
    const names = Array.from({ length: 200 }, (_, i) => `c${i}`);
    const answers = await Promise.all(names.map((name) => insert(name, request(name))));
    expect(answers.map((answer) => answer!.command)).toEqual(names);
    const ids = answers.map((answer) => answer!.id);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    for (const i of [0, 100, 199]) expect(await commands.get(ADMIN, 'one', ids[i]!)).toEqual(answers[i]);
  });

  it('make one row where two have the same request, and another where its content differs', async () => {
    const [first, again, other] = await Promise.all([
      insert('once', request('i1')),
      insert('once', request('i1')),
      insert('twice', request('i1', 'other content')),
    ]);
    expect(again).toEqual(first);
    expect(other!.id).not.toBe(first!.id);
    expect(await insert('twice', request('i1', 'other content'))).toEqual(other);
    expect(await count()).toBe(2);
  });

  it('of two processes make one row where both have the same requests', async () => {
    const [first, second] = [process(), process()];
    const names = Array.from({ length: 200 }, (_, i) => `p${i}`);
    const [ours, theirs] = await Promise.all([
      Promise.all(names.map((command) => first.insert(ADMIN, 'one', { command }, request(command)))),
      Promise.all(
        names.toReversed().map((command) => second.insert(ADMIN, 'one', { command }, request(command))),
      ),
    ]);
    expect(theirs.toReversed()).toEqual(ours);
    expect(await count()).toBe(200);
  });

  it('answer nothing for devices that are unknown or out of sight, and store the others', async () => {
    const answers = await Promise.all([
      insert('a', request('i2'), 'one', USER),
      insert('b', request('i3'), 'two', USER),
      insert('c', undefined, 'nowhere'),
    ]);
    expect(answers.map((answer) => answer?.command)).toEqual([undefined, 'b', undefined]);
    await pool.query('INSERT INTO user_network VALUES (2, 1)');
    expect(await insert('a', request('i2'), 'one', USER)).toMatchObject({ command: 'a' });
  });

  it('fail alone where PostgreSQL refuses one', async () => {
    const all = ['a', 'b', 'x'.repeat(129), 'c'].map((name) => insert(name, request(`i4 ${name}`)));
    expect(await failures(all)).toMatchObject([{ driverError: { code: '22001' } }]);
    expect(await count()).toBe(3);
  });

  it('do not wait for a device that is being deleted, which is unknown then', async () => {
    const { end } = await hold(`DELETE FROM device WHERE device_id = 'two'`);
    const late = insert('late', request('i5'), 'two');
    expect(await insert('free')).toMatchObject({ command: 'free' });
    expect(await waitingBackends()).toEqual([]);
    await end();
    expect(await late).toBeUndefined();
  });

  it('are refused with 503 where the device stays locked', async () => {
    const { end } = await hold(`SELECT FROM device WHERE device_id = 'two' FOR UPDATE`);
    await expect(insert('late', undefined, 'two')).rejects.toMatchObject({ code: 503 });
    await end();
  });

  it('heed the network that the device has moved to', async () => {
    const { end } = await hold(`UPDATE device SET network_id = 1 WHERE device_id = 'two'`);
    await end();
    expect(await insert('x', undefined, 'two', USER)).toBeUndefined();
  });
});

describe('gets that come together', () => {
  const get = (id: number, device = 'one', scope = ADMIN) => commands.get(scope, device, id);

  it('each get their own command, from a few statements', async () => {
    const ids = await makeCommands(1_000);
    const runs = vi.spyOn(Queries.prototype, 'run');
    const answers = await Promise.all(ids.map((id) => get(id)));
    expect(runs.mock.calls.length).toBeLessThan(150);
    runs.mockRestore();
    expect(answers.map((answer) => answer!.id)).toEqual(ids);
  });

  it('have the rights of each checked, beside those of others who see the same command', async () => {
    const foreign = await makeCommand('one');
    const own = await makeCommand('two');
    const answers = await Promise.all([
      get(foreign, 'one', ADMIN),
      get(foreign, 'one', USER),
      get(own, 'two', USER),
      get(foreign, 'two', USER),
      get(own, 'one', ADMIN),
      get(4_611_686_018_427, 'two', USER),
      commands.get({ ...ADMIN, networkIds: [1, 7] }, 'two', own),
      commands.get({ ...ADMIN, networkIds: [2], deviceTypeIds: [1] }, 'two', own),
      commands.get({ ...ADMIN, deviceTypeIds: [] }, 'two', own),
    ]);
    const seen = answers.map((answer) => answer?.id);
    const no = undefined;
    expect(seen).toEqual([foreign, no, own, no, no, no, no, own, no]);
    await pool.query('DELETE FROM user_network');
    expect(await Promise.all([get(own, 'two', USER), get(own, 'two')])).toMatchObject([no, { id: own }]);
  });

  it('of commands that are long are answered whole, and read one by one where the answer would be too long', async () => {
    const ids = await makeCommands(32);
    const makeLong = `UPDATE device_command SET result = to_jsonb(repeat('x', 2200000)) WHERE id = ANY ($1)`;
    await pool.query(makeLong, [ids.slice(1)]);
    const runs = vi.spyOn(Queries.prototype, 'run');
    const answers = await Promise.all(ids.map((id) => get(id)));
    expect(runs.mock.calls.filter(([kind]) => kind === 'lookup')).toHaveLength(31);
    runs.mockRestore();
    expect(answers.map((answer) => answer!.result?.text.length ?? 0)).toEqual([
      0,
      ...ids.slice(1).map(() => 2_200_002),
    ]);
  });

  it('fail alone where PostgreSQL refuses one', async () => {
    const [id] = (await makeCommands(1)) as [number];
    const all = [get(id), get(2 ** 63), get(id)];
    expect(await failures(all)).toMatchObject([{ driverError: { code: '22003' } }]);
    expect(await all[2]).toMatchObject({ id });
  });
});

describe('a batch whose connection is cut', () => {
  it('is answered 503 for all, since it may have been applied, and what follows is served', async () => {
    const fenced = repository(pool, { term: { name: 'test', epoch: '1' } });
    const ids = await makeCommands(10);
    const { end } = await hold(`SELECT FROM leadership WHERE name = 'test' FOR UPDATE`);
    const all = failures(ids.map((id) => fenced.update(ADMIN, 'one', id, { status: 'cut' })));
    await expect.poll(waitingBackends).toHaveLength(1);
    await pool.query('SELECT pg_terminate_backend($1)', await waitingBackends());
    const refusal = { code: 503, message: 'Outcome unknown, it may have been applied' };
    expect(await all).toMatchObject(ids.map(() => refusal));
    await end();
    expect(await fenced.update(ADMIN, 'one', ids[0]!, { status: 'on' })).toMatchObject({ status: 'on' });
  });
});

describe('what has queued when another process takes over', () => {
  it('is not written in a later term of this process', async () => {
    const fence = { term: { name: 'test', epoch: '1' } };
    const fenced = repository(pool, fence);
    const ids = await makeCommands(1_000);
    const takeOver = await hold(`UPDATE leadership SET epoch = 3 WHERE name = 'test'`);
    const late = failures(ids.map((id) => fenced.update(ADMIN, 'one', id, { status: 'late' })));
    await expect.poll(waitingBackends).not.toEqual([]);
    const nextId = await makeCommand();
    await takeOver.end();
    fence.term = { name: 'test', epoch: '3' };
    const next = fenced.update(ADMIN, 'one', nextId, { status: 'next' });
    const errors = await late;
    expect(errors).toHaveLength(1_000);
    expect(errors.every((error) => error instanceof Superseded)).toBe(true);
    expect(await next).toMatchObject({ status: 'next' });
    expect(await pool.query(`SELECT FROM device_command WHERE status = 'late'`)).toEqual([]);
    await pool.query('UPDATE leadership SET epoch = 1');
  });
});

describe('two processes that update the same commands', () => {
  /** Whose transactions fail where a row has changed since they began. */
  const openSerializable = () =>
    new DataSource({
      type: 'postgres',
      url: environment.env.DATABASE_URL,
      extra: { options: '-c default_transaction_isolation=serializable' },
    }).initialize();

  it('wait for each other and lose nothing', async () => {
    const ids = await makeCommands(20);
    const all = [process(), process()].flatMap((commands, p) => {
      const order = p === 0 ? ids : ids.toReversed();
      return [1, 2, 3, 4, 5].flatMap((round) =>
        order.map((id) => commands.update(ADMIN, 'one', id, { status: 'x' }, request(`${p} ${round}`))),
      );
    });
    expect(await failures(all)).toEqual([]);
    for (const id of ids) expect((await stored(id)).recent).toHaveLength(10);
  });

  it('try again where the database serializes', async () => {
    const serializable = await openSerializable();
    try {
      const term = { name: 'test', epoch: '1' };
      const fenced = repository(serializable, { term }, 10_000);
      const id = await makeCommand();
      const { end } = await hold(`SELECT FROM leadership WHERE name = 'test' FOR UPDATE`);
      const answer = fenced.update(ADMIN, 'one', id, { status: 'second' });
      await expect.poll(waitingBackends).toHaveLength(1);
      await update(id, 'first');
      await end();
      expect(await answer).toMatchObject({ status: 'second' });
    } finally {
      await serializable.destroy();
    }
  });
});

describe('the statements of the batches', () => {
  it('are planned once, and look up rows by their keys even where there were few of them then', async () => {
    const single = await open(1);
    try {
      // As many as autovacuum looks at.
      const [id] = (await makeCommands(50)) as [number];
      await pool.query('ANALYZE');
      const first = repository(single);
      for (let i = 0; i < 10; i++) {
        await first.update(ADMIN, 'one', id, { status: `${i}` });
        await first.insert(ADMIN, 'one', { command: 'x' }, request(`plan ${i}`));
        await first.get(ADMIN, 'one', id);
      }
      type Prepared = { name: string; generic: number };
      const prepared: Prepared[] = await single.query(
        `SELECT name, generic_plans::int AS generic FROM pg_prepared_statements ORDER BY name`,
      );
      expect(prepared.map(({ generic }) => generic)).toEqual([5, 5, 5]);
      for (const { name } of prepared) {
        const values = name.includes('get')
          ? `${Array(6).fill(`'{}'`)}, 65536`
          : `${Array(14).fill(`'{}'`)}, 600, 65536`;
        const rows: object[] = await single.query(`EXPLAIN EXECUTE "${name}" (${values})`);
        const plan = rows.flatMap(Object.values).join('\n');
        expect(plan).not.toContain('Seq Scan');
        expect(plan).toMatch(/Index Cond: \(id = .*\)/);
        expect(plan).not.toContain('device_command_by_time');
      }
    } finally {
      await single.destroy();
    }
  });
});
