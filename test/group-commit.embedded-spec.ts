import { once } from 'node:events';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { CommandRepository } from '../src/actions/command/command.repository.js';
import { openDatabase } from '../src/database/data-source.js';
import type { DatabaseOptions } from '../src/database/database.options.js';
import { Queries } from '../src/database/queries.js';
import { poolOf } from '../src/database/write-pool.js';
import { UPDATE_FIELDS } from '../src/environment.js';
import { ReplayWindow } from '../src/transport/replay-window.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';
import { SAMPLE_DEVICE } from './support/service.js';

const ADMIN = { userId: 1, networkIds: null, deviceTypeIds: null, limited: false, generation: 0 };
/** After which pg's pool ends a connection that nobody uses, unless it is told otherwise. */
const IDLE_MS = 10_000;

let environment: TestEnvironment;
let dataSource: DataSource;
let commands: CommandRepository;

beforeAll(async () => {
  environment = await createEnvironment();
  dataSource = await openDatabase({ dataDir: environment.dataDir, poolSize: 1 } as DatabaseOptions);
  const options = { updateFields: UPDATE_FIELDS, deadlineMs: 1_000 };
  commands = new CommandRepository(
    new Queries(dataSource),
    { term: undefined },
    new ReplayWindow(600),
    options,
  );
});
afterAll(async () => {
  await dataSource?.destroy();
  await environment?.dispose();
});

const insert = (command: string) => commands.insert(ADMIN, SAMPLE_DEVICE, { command });

/** A lost connection. */
async function endConnection(): Promise<void> {
  const pool = poolOf(dataSource);
  const client = await pool.connect();
  const removed = once(pool, 'remove');
  client.release(true);
  await removed;
}

/** What the one session holds: statements by name, and memory. */
async function held(): Promise<{ statements: number; bytes: number }> {
  const [row] = await dataSource.query(
    `SELECT (SELECT count(*)::int FROM pg_prepared_statements) AS statements,
            (SELECT sum(total_bytes)::int FROM pg_backend_memory_contexts) AS bytes`,
  );
  return row;
}

describe('batches on the embedded database', () => {
  it('go on with the next connection, though the one session has prepared their statements already', async () => {
    const [first] = await Promise.all([insert('a'), insert('b')]);
    await endConnection();
    expect(await Promise.all([insert('a'), insert('b')])).toMatchObject([{ command: 'a' }, { command: 'b' }]);
    expect(await commands.update(ADMIN, SAMPLE_DEVICE, first!.id, { status: 'x' })).toMatchObject({
      status: 'x',
    });
  });

  it('leave no statement behind in the session when their connection breaks off', async () => {
    const { id } = (await insert('c'))!;
    const updateAfterBreak = async (status: string) => {
      await endConnection();
      await commands.update(ADMIN, SAMPLE_DEVICE, id, { status });
    };
    await updateAfterBreak('first');
    const before = await held();
    for (let n = 0; n < 200; n++) await updateAfterBreak(`s${n}`);
    const after = await held();
    expect(after.statements).toBe(before.statements);
    // PGlite itself keeps 128 bytes for each connection, in blocks of which the next has twice the size.
    expect(after.bytes - before.bytes).toBeLessThan(200 * 1_024);
  });

  it('take as much memory after 2,000 requests with pauses as after 200, over the same connection', async () => {
    const { id } = (await insert('d'))!;
    let ended = 0;
    poolOf(dataSource).on('remove', () => ended++);
    const updateAndPause = async (count: number) => {
      for (let n = 0; n < count; n++) {
        await commands.update(ADMIN, SAMPLE_DEVICE, id, { status: `s${n}` });
        vi.advanceTimersByTime(IDLE_MS);
      }
    };
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    await updateAndPause(200);
    const before = await held();
    await updateAndPause(1_800);
    const after = await held();
    expect(ended).toBe(0);
    expect(after.statements).toBe(before.statements);
    expect(after.bytes).toBeLessThan(before.bytes * 1.01);
  });
});
