import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandRepository } from '../src/actions/command/command.repository.js';
import { openDatabase } from '../src/database/data-source.js';
import type { DatabaseOptions } from '../src/database/database.options.js';
import { poolOf } from '../src/database/write-pool.js';
import { UPDATE_FIELDS } from '../src/environment.js';
import { ReplayWindow } from '../src/transport/replay-window.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';
import { SAMPLE_DEVICE } from './support/service.js';

const ADMIN = { userId: 1, networkIds: null, deviceTypeIds: null, limited: false };

let environment: TestEnvironment;
let dataSource: DataSource;

beforeAll(async () => {
  environment = await createEnvironment();
  dataSource = await openDatabase({ dataDir: environment.dataDir, poolSize: 1 } as DatabaseOptions);
});
afterAll(async () => {
  await dataSource?.destroy();
  await environment?.dispose();
});

describe('batches on the embedded database', () => {
  const insertTwo = (commands: CommandRepository) =>
    Promise.all(['a', 'b'].map((command) => commands.insert(ADMIN, SAMPLE_DEVICE, { command })));

  it('go on with the next connection, though the one session has prepared their statements already', async () => {
    const options = { updateFields: UPDATE_FIELDS, deadlineMs: 1_000 };
    const commands = new CommandRepository(dataSource, { term: undefined }, new ReplayWindow(600), options);
    const [first] = await insertTwo(commands);
    const pool = poolOf(dataSource);
    const client = await pool.connect();
    client.release(true);
    await expect.poll(() => pool.totalCount).toBe(0);
    expect(await insertTwo(commands)).toMatchObject([{ command: 'a' }, { command: 'b' }]);
    expect(await commands.update(ADMIN, SAMPLE_DEVICE, first!.id, { status: 'x' })).toMatchObject({
      status: 'x',
    });
  });
});
