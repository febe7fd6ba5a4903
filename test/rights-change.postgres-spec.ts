import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service?.stop());

const add = (id: number) =>
  `INSERT INTO dh_user (id, login, password_hash, role, status) VALUES (${id}, 'u${id}', 'x', 1, 0)`;

async function lastChange(): Promise<string> {
  const [row] = await service.sql<{ transaction: string }>('SELECT transaction FROM rights_change');
  return row!.transaction;
}

describe('two transactions that change rights', () => {
  it('do not wait for each other before they commit, and each moves the mark when it does', async () => {
    const [one, other] = [service.dataSource.createQueryRunner(), service.dataSource.createQueryRunner()];
    const before = await lastChange();
    await one.startTransaction();
    await one.query(add(11));
    await other.startTransaction();
    await other.query(add(12));
    expect(await lastChange()).toBe(before);
    await other.commitTransaction();
    const between = await lastChange();
    await one.commitTransaction();
    expect(new Set([before, between, await lastChange()]).size).toBe(3);
    await one.release();
    await other.release();
  });

  it('need no right to the table of the mark', async () => {
    const role = `clerk_${randomUUID().replaceAll('-', '')}`;
    await service.sql(`CREATE ROLE ${role}`);
    try {
      await service.sql(`GRANT INSERT, SELECT ON dh_user TO ${role}`);
      const before = await lastChange();
      await service.dataSource.transaction(async (manager) => {
        await manager.query(`SET LOCAL ROLE ${role}`);
        await manager.query(add(13));
      });
      expect(await lastChange()).not.toBe(before);
    } finally {
      await service.sql(`DROP OWNED BY ${role}`);
      await service.sql(`DROP ROLE ${role}`);
    }
  });
});
