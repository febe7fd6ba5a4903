import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Retention } from '../src/retention/retention.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

const DAYS = 3;

let service: TestService;

beforeAll(async () => {
  service = await TestService.start({ COMMAND_RETENTION_DAYS: String(DAYS) });
});
afterAll(() => service?.stop());
beforeEach(async () => {
  await service.sql('DELETE FROM device_command');
  await service.sql('DELETE FROM device_notification');
});

const run = (of = service) => of.app.get(Retention).run();

/** Rows of the sample device, straight into both tables; `name` says which. */
async function insert(name: string, age: string, count = 1, of = service): Promise<void> {
  for (const [table, column, more, now] of [
    ['device_command', 'command', ', last_updated', ', now()'],
    ['device_notification', 'notification', '', ''],
  ]) {
    await of.sql(
      `INSERT INTO ${table} (device, ${column}, timestamp${more})
       SELECT id, $2, now() - $3::interval${now} FROM device, generate_series(1, $4::int) WHERE device_id = $1`,
      [SAMPLE_DEVICE, name, age, count],
    );
  }
}
/** The names of what is left. */
async function left(of = service): Promise<{ commands: string[]; notifications: string[] }> {
  const [row] = await of.sql<{ commands: string[]; notifications: string[] }>(
    `SELECT ARRAY(SELECT command FROM device_command ORDER BY 1) AS commands,
            ARRAY(SELECT notification FROM device_notification ORDER BY 1) AS notifications`,
  );
  return row!;
}

describe('COMMAND_RETENTION_DAYS', () => {
  it('deletes commands and notifications that are older, and keeps the others', async () => {
    await insert('ages old', '400 days');
    await insert('too old', '3 days 1 second');
    await insert('not yet', '2 days 23 hours 59 minutes');
    await insert('of today', '0');
    await insert('to come', '-1 day');
    expect(await run()).toBe(4);
    const kept = ['not yet', 'of today', 'to come'];
    expect(await left()).toEqual({ commands: kept, notifications: kept });
  });

  it('deletes more than fits into a statement, of all devices', async () => {
    await service.sql(
      `INSERT INTO device (device_id, name, network_id, device_type_id)
       SELECT 'other-' || n, 'other', network_id, device_type_id
         FROM device, generate_series(1, 1100) n WHERE device_id = $1`,
      [SAMPLE_DEVICE],
    );
    await service.sql(
      `INSERT INTO device_command (device, command, timestamp, last_updated)
       SELECT id, 'old', now() - interval '9 days', now() FROM device WHERE device_id LIKE 'other-%'`,
    );
    await insert('old', '9 days', 2_100);
    await insert('new', '0');
    expect(await run()).toBe(1_100 + 2 * 2_100);
    expect(await left()).toEqual({ commands: ['new'], notifications: ['new'] });
    expect(await run()).toBe(0);
  });

  it('answers updates of what is deleted meanwhile with success or 404', async () => {
    await insert('old', '9 days', 1_500);
    const ids = await service.sql<{ id: string }>('SELECT id FROM device_command ORDER BY random()');
    const client = await service.connectAdmin();
    const update = ({ id }: { id: string }) =>
      client.request('command/update', {
        deviceId: SAMPLE_DEVICE,
        commandId: Number(id),
        command: { status: 'late' },
      });
    const first = await Promise.all(ids.slice(0, 5).map(update));
    expect(first.map(({ status }) => status)).toEqual(Array(5).fill('success'));
    const [deleted, ...replies] = await Promise.all([run(), ...ids.map(update)]);
    // Rows that are being updated are left for the next run.
    expect(deleted + (await run())).toBe(3_000);
    for (const reply of replies) {
      if (reply.status !== 'success') expect(reply).toMatchObject({ status: 'error', code: 404 });
    }
    expect(await update(ids[0]!)).toMatchObject({ status: 'error', code: 404 });
  });

  it('deletes nothing where it is not set', async () => {
    const keeping = await TestService.start();
    try {
      await insert('ages old', '400 days', 1, keeping);
      expect(await run(keeping)).toBe(0);
      expect(await left(keeping)).toEqual({ commands: ['ages old'], notifications: ['ages old'] });
    } finally {
      await keeping.stop();
    }
  });
});
