import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

const DEADLINE_MS = 2_000;
const CLIENTS = 20;
/** The service takes more requests than these of one connection at a time. */
const EACH = 50;
const REFUSED = { status: 'error', code: 503, error: 'The row is locked by somebody else, try again' };

let service: TestService;
let operator: DataSource;
let clients: TestClient[];
let bystander: TestClient;

beforeAll(async () => {
  service = await TestService.start({ REQUEST_DEADLINE_MS: String(DEADLINE_MS) });
  const { url } = service.dataSource.options as { url: string };
  operator = await new DataSource({ type: 'postgres', url }).initialize();
  clients = await Promise.all(Array.from({ length: CLIENTS }, () => service.connectAdmin()));
  bystander = await service.connectAdmin();
});
afterAll(async () => {
  await operator?.destroy();
  await service?.stop();
});

/** Does the work while nobody can write to the table, as during CREATE INDEX. */
async function whileLocked<T>(work: (unlock: () => Promise<void>) => Promise<T>): Promise<T> {
  const session = operator.createQueryRunner();
  const unlock = async () => {
    if (session.isTransactionActive) await session.commitTransaction();
  };
  await session.startTransaction();
  try {
    await session.query('LOCK TABLE device_command IN SHARE MODE');
    return await work(unlock);
  } finally {
    await unlock();
    await session.release();
  }
}

interface Answer {
  reply: object;
  /** milliseconds */
  took: number;
}

async function insert(client: TestClient): Promise<Answer> {
  const begin = performance.now();
  const body = { deviceId: SAMPLE_DEVICE, command: { command: 'c' } };
  const reply = await client.request('command/insert', body);
  return { reply, took: performance.now() - begin };
}

/** Each client's inserts, pipelined. */
const insertMany = (): Promise<Answer>[] =>
  clients.flatMap((client) => Array.from({ length: EACH }, () => insert(client)));

const isBlocked = async () => {
  const waiting = `SELECT FROM pg_locks WHERE NOT granted AND relation = 'device_command'::regclass LIMIT 1`;
  await expect.poll(() => service.sql(waiting)).toHaveLength(1);
};

describe('a table that is locked', () => {
  it('holds each of 1,000 inserts until its own deadline, and no longer', async () => {
    const answers = await whileLocked(() => Promise.all(insertMany()));
    for (const { reply } of answers) expect(reply).toMatchObject(REFUSED);
    const took = answers.map((answer) => answer.took);
    expect(Math.min(...took)).toBeGreaterThan(DEADLINE_MS - 200);
    expect(Math.max(...took)).toBeLessThan(DEADLINE_MS + 1_000);
  });

  it('holds an insert that comes when others are given up until its own deadline, and serves as before when it is free', async () => {
    await whileLocked(async () => {
      const others = insertMany();
      await Promise.race(others);
      const { reply, took } = await insert(bystander);
      expect(reply).toMatchObject(REFUSED);
      expect(took).toBeGreaterThan(DEADLINE_MS - 200);
      expect(took).toBeLessThan(DEADLINE_MS + 1_000);
      await Promise.all(others);
    });
    expect(await insert(bystander)).toMatchObject({ reply: { status: 'success' } });
  });

  it('has all that it held stored when it is free in time', async () => {
    const before = await stored();
    const answers = await whileLocked(async (unlock) => {
      const inserts = insertMany();
      await isBlocked();
      await unlock();
      return Promise.all(inserts);
    });
    for (const { reply } of answers) expect(reply).toMatchObject({ status: 'success' });
    expect(await stored()).toBe(before + CLIENTS * EACH);
  });

  it('does not hold up what is stored in another one', async () => {
    await whileLocked(async (unlock) => {
      const held = insertMany();
      await isBlocked();
      const body = { deviceId: SAMPLE_DEVICE, notification: { notification: 'n' } };
      const begin = performance.now();
      expect(await bystander.request('notification/insert', body)).toMatchObject({ status: 'success' });
      expect(performance.now() - begin).toBeLessThan(DEADLINE_MS / 2);
      await unlock();
      await Promise.all(held);
    });
  });
});

async function stored(): Promise<number> {
  const [row] = await service.sql<{ n: number }>('SELECT count(*)::int AS n FROM device_command');
  return row!.n;
}
