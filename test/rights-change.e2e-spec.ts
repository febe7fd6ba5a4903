import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'Two'), (3, 'Three')`);
  await service.sql(`INSERT INTO device_type (id, name) VALUES (2, 'Two')`);
  await service.sql(
    `INSERT INTO dh_user (id, login, password_hash, role, status) VALUES (2, 'u2', 'x', 1, 0), (3, 'u3', 'x', 1, 0)`,
  );
});
afterAll(() => service?.stop());

async function lastChange(): Promise<string> {
  const [row] = await service.sql<{ transaction: string }>('SELECT transaction FROM rights_change');
  return row!.transaction;
}

const MEMBERS = `INSERT INTO user_network SELECT 2, id FROM network WHERE id > 1`;

describe('the mark of the last change of rights', () => {
  it.each([
    MEMBERS,
    'UPDATE user_network SET network_id = 1 WHERE user_id = 2 AND network_id = 2',
    'DELETE FROM user_network WHERE user_id = 2 AND network_id = 1',
    'DELETE FROM network WHERE id = 3',
    'INSERT INTO user_device_type VALUES (2, 1)',
    'TRUNCATE user_device_type',
    'UPDATE dh_user SET status = 1 WHERE id = 2',
    'UPDATE dh_user SET role = 0 WHERE id = 2',
    `UPDATE dh_user SET password_hash = 'y' WHERE id = 2`,
    'UPDATE dh_user SET generation = generation + 1 WHERE id = 2',
    'UPDATE dh_user SET all_device_types_available = NOT all_device_types_available WHERE id = 2',
    'DELETE FROM dh_user WHERE id = 3',
  ])('moves with plain SQL: %s', async (statement) => {
    const before = await lastChange();
    await service.sql(statement);
    expect(await lastChange()).not.toBe(before);
  });

  it.each([
    'UPDATE dh_user SET last_login = now()',
    `UPDATE network SET name = 'Other' WHERE id = 2`,
    'SELECT 1',
  ])('stays where rights stay as they are: %s', async (statement) => {
    const before = await lastChange();
    await service.sql(statement);
    expect(await lastChange()).toBe(before);
  });

  it('moves once for a transaction of many rows', async () => {
    await service.sql('INSERT INTO network (id, name) SELECT n, n::text FROM generate_series(10, 3000) n');
    const startedAt = performance.now();
    const before = await lastChange();
    await service.sql(MEMBERS);
    expect(await lastChange()).not.toBe(before);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    const [{ versions }] = (await service.sql(`SELECT count(*)::int AS versions FROM rights_change`)) as [
      { versions: number },
    ];
    expect(versions).toBe(1);
  });
});
