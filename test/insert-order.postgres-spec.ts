import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

const COUNT = 300;
const DEVICES = 8;

let service: TestService;
let other: DataSource;
let [client, neighbour]: TestClient[] = [];

beforeAll(async () => {
  let url: string | undefined;
  service = await TestService.start(async (env) => {
    url = env.DATABASE_URL;
    return {};
  });
  other = await new DataSource({ type: 'postgres', url }).initialize();
  await other.query(
    `INSERT INTO device (device_id, name, network_id, device_type_id)
     SELECT 'd' || n, 'device ' || n, network_id, device_type_id
       FROM device, generate_series(1, $2::int) n WHERE device_id = $1`,
    [SAMPLE_DEVICE, DEVICES],
  );
  [client, neighbour] = await Promise.all([service.connectAdmin(), service.connectAdmin()]);
});
afterAll(async () => {
  await other?.destroy();
  await service?.stop();
});

interface Made {
  id: number;
  timestamp: string;
}

const KINDS = {
  notification: (deviceId: string, n: number) => ({ deviceId, notification: { notification: `n${n}` } }),
  command: (deviceId: string, n: number) => ({ deviceId, command: { command: `c${n}` } }),
};
type Kind = keyof typeof KINDS;
const ALL = Object.keys(KINDS) as Kind[];

async function insert(kind: Kind, deviceId: string, n: number, by = client!): Promise<Made> {
  const reply = await by.request(`${kind}/insert`, KINDS[kind](deviceId, n));
  expect(reply).toMatchObject({ status: 'success' });
  return reply[kind] as Made;
}

function expectInOrder(made: Made[]): void {
  const ids = made.map(({ id }) => id);
  expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  const times = made.map(({ timestamp }) => timestamp);
  expect(times).toEqual(times.toSorted());
}

const commitsOf = async (kind: Kind, ids: number[]): Promise<number> => {
  const [{ count }] = await other.query(
    `SELECT count(DISTINCT xmin::text)::int FROM device_${kind} WHERE id = ANY ($1)`,
    [ids],
  );
  return count;
};

describe.each(ALL)('a %s that is inserted', (kind) => {
  it('comes after those that its client has sent for the device before it, and shares a commit with them', async () => {
    const made = await Promise.all(Array.from({ length: COUNT }, (_, n) => insert(kind, 'd1', n)));
    expectInOrder(made);
    expect(new Set(made.map(({ id }) => id)).size).toBe(COUNT);
    const commits = await commitsOf(
      kind,
      made.map(({ id }) => id),
    );
    expect(commits).toBeLessThan(COUNT / 3);
  });

  it('comes after those before it for its device, whatever is inserted for other devices meanwhile', async () => {
    const made = await Promise.all(
      Array.from({ length: COUNT }, (_, n) => insert(kind, `d${1 + (n % DEVICES)}`, n)),
    );
    expect(made).toHaveLength(COUNT);
    for (let device = 0; device < DEVICES; device++) {
      expectInOrder(made.filter((_, n) => n % DEVICES === device));
    }
  });

  it('keeps its place while its device is locked, and others do not wait for it', async () => {
    const waiting: Promise<Made>[] = [];
    await other.transaction(async (manager) => {
      await manager.query(`SELECT FROM device WHERE device_id = 'd1' FOR UPDATE`);
      for (let n = 0; n < 40; n++) {
        waiting.push(insert(kind, 'd1', n));
        await insert(kind, 'd2', n, neighbour);
      }
    });
    // While those before them are tried again.
    for (let n = 40; n < 60; n++) waiting.push(insert(kind, 'd1', n));
    expect(waiting).toHaveLength(60);
    expectInOrder(await Promise.all(waiting));
  });

  it('is refused at the deadline if its device stays locked, together with those behind it', async () => {
    const impatient = await TestService.start({ REQUEST_DEADLINE_MS: '500' });
    const holder = impatient.dataSource.createQueryRunner();
    try {
      const asking = await impatient.connectAdmin();
      await holder.startTransaction();
      await holder.query('SELECT FROM device FOR UPDATE');
      const sentAt = performance.now();
      const replies = await Promise.all(
        Array.from({ length: 10 }, (_, n) => asking.request(`${kind}/insert`, KINDS[kind](SAMPLE_DEVICE, n))),
      );
      const refusal = { code: 503, error: 'The row is locked by somebody else, try again' };
      for (const reply of replies) expect(reply).toMatchObject(refusal);
      expect(performance.now() - sentAt).toBeLessThan(2_500);
      await holder.rollbackTransaction();
    } finally {
      await holder.release();
      await impatient.stop();
    }
  });
});

const parametersOf = (name: string) => ({ text: `"${name}" {\\}, NULL` });

describe('notifications with one requestId', () => {
  it('are one row, and another content is another row', async () => {
    const repeating = await service.connectAdmin();
    const send = async (name: string) => {
      const notification = { notification: name, parameters: parametersOf(name) };
      const body = { action: 'notification/insert', requestId: 'again', deviceId: 'd3', notification };
      return (await repeating.send(JSON.stringify(body))).json.notification as Made;
    };
    const [first, ...others] = [await send('once'), await send('once')];
    const different = await send('twice');
    expect(others).toEqual([first]);
    expect(different.id).not.toBe(first!.id);
    const rows = await other.query(
      `SELECT notification, parameters FROM device_notification n JOIN device d ON d.id = n.device
        WHERE d.device_id = 'd3' AND n.id = ANY ($1) ORDER BY n.id`,
      [[first!.id, different.id]],
    );
    expect(rows).toEqual(
      ['once', 'twice'].map((name) => ({ notification: name, parameters: parametersOf(name) })),
    );
  });
});
