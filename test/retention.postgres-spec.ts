import { type QueryRunner } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Queries } from '../src/database/queries.js';
import { Superseded } from '../src/protocol/action-error.js';
import { Deletion } from '../src/retention/deletion.js';
import { Retention } from '../src/retention/retention.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

const OLD = new Date(Date.now() - 9 * 86_400_000);

let service: TestService;

beforeEach(async () => {
  service = await TestService.start({ COMMAND_RETENTION_DAYS: '3' });
});
afterEach(() => service?.stop());

const run = () => service.app.get(Retention).run();
const commands = () => service.sql('SELECT id::int FROM device_command ORDER BY id');

async function insertOld(): Promise<number> {
  const id = await service.insertCommand();
  await service.sql('UPDATE device_command SET timestamp = $2 WHERE id = $1', [id, OLD]);
  return id;
}

describe('a row that somebody else holds', () => {
  it('is passed over, and deleted the next time', async () => {
    const [locked] = [await insertOld(), await insertOld()];
    const { unlock } = await service.lock(locked);
    expect(await run()).toBe(1);
    await unlock();
    expect(await commands()).toEqual([{ id: locked }]);
    expect(await run()).toBe(1);
  });

  it('that was made new before it was let go is kept', async () => {
    const id = await insertOld();
    const holder = service.dataSource.createQueryRunner();
    await holder.startTransaction();
    await holder.query('UPDATE device_command SET timestamp = now() WHERE id = $1', [id]);
    expect(await run()).toBe(0);
    await holder.commitTransaction();
    await holder.release();
    expect(await run()).toBe(0);
    expect(await commands()).toEqual([{ id }]);
  });
});

/** Whether a statement of updates has ended: one that finds a row locked looks again and again. */
async function looksInVain(observer: QueryRunner): Promise<boolean> {
  const rows: object[] = await observer.query(
    `SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND state = 'idle' AND query LIKE '%unnest((SELECT $1%'`,
  );
  return rows.length > 0;
}

describe('an update of a row that is being deleted', () => {
  const update = async (end: 'commitTransaction' | 'rollbackTransaction') => {
    const id = await insertOld();
    const [holder, observer] = [1, 2].map(() => service.dataSource.createQueryRunner());
    await observer!.query('SELECT');
    await holder!.startTransaction();
    await holder!.query('DELETE FROM device_command WHERE id = $1', [id]);
    const client = await service.connectAdmin();
    const body = { deviceId: SAMPLE_DEVICE, commandId: id, command: { status: 'late' } };
    const reply = client.request('command/update', body);
    await expect.poll(() => looksInVain(observer!)).toBe(true);
    await holder![end]();
    await Promise.all([holder, observer].map((runner) => runner!.release()));
    return reply;
  };

  it('is answered 404 where it is deleted', async () => {
    expect(await update('commitTransaction')).toMatchObject({ status: 'error', code: 404 });
  });

  it('succeeds where it is not', async () => {
    expect(await update('rollbackTransaction')).toMatchObject({ status: 'success' });
  });
});

describe('a replica that does not lead', () => {
  function retentionOf(term: () => { name: string; epoch: string }): Retention {
    const fence = {
      get term() {
        return term();
      },
    };
    const options = { days: 3, vacuums: false };
    const queries = new Queries(service.dataSource);
    return new Retention(new Deletion(service.dataSource, queries, fence, options), options);
  }

  it('deletes nothing, and one that was replaced neither', async () => {
    const id = await insertOld();
    await service.sql(`INSERT INTO leadership (name, epoch) VALUES ('a broker', 7)`);
    const standby = retentionOf(() => {
      throw new Superseded();
    });
    expect(await standby.run()).toBe(0);
    expect(await retentionOf(() => ({ name: 'a broker', epoch: '6' })).run()).toBe(0);
    expect(await commands()).toEqual([{ id }]);
    expect(await retentionOf(() => ({ name: 'a broker', epoch: '7' })).run()).toBe(1);
  });
});

describe('a service that stops', () => {
  it('deletes nothing any more', async () => {
    const retention = service.app.get(Retention);
    await insertOld();
    service.app.get(Deletion).onModuleDestroy();
    expect(await retention.run()).toBe(0);
    expect(await commands()).toHaveLength(1);
  });
});

describe('a database that refuses', () => {
  it('is said once, and the next run deletes what is left', async () => {
    await insertOld();
    await service.sql('ALTER TABLE device_notification RENAME TO away');
    expect([await run(), await run()]).toEqual([0, 0]);
    expect(await commands()).toEqual([]);
    const said = () => service.logger.lines.filter((line) => line.includes('Old rows are not deleted'));
    expect(said()).toHaveLength(1);
    await service.sql('ALTER TABLE away RENAME TO device_notification');
    await insertOld();
    expect(await run()).toBe(1);
    expect(said()).toHaveLength(1);
  });
});
