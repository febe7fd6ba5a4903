import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ForgetInserts } from '../src/actions/command/forget-inserts.js';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
let admin: TestClient;
let watcher: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  admin = await service.connectAdmin();
  watcher = await service.connectAdmin();
  await watcher.subscribe('dh/#');
});
afterAll(() => service?.stop());

/** Sends a request under a requestId of the test's choice and waits for one more answer to it. */
async function send(client: TestClient, body: { requestId: unknown } & Record<string, unknown>) {
  const isAnswer = ({ json }: { json: Record<string, unknown> }) =>
    JSON.stringify(json.requestId) === JSON.stringify(body.requestId) && json.status !== undefined;
  const before = client.messages.filter(isAnswer).length;
  await client.mqtt.publishAsync('dh/request', JSON.stringify(body), { qos: 1 });
  await client.next(() => client.messages.filter(isAnswer).length > before);
  return client.messages.findLast(isAnswer)!.json;
}

const update = (requestId: unknown, commandId: number, status: string, more: object = {}) => ({
  action: 'command/update',
  requestId,
  deviceId: SAMPLE_DEVICE,
  commandId,
  command: { status },
  ...more,
});

const insert = (requestId: unknown, command: string, more: object = {}) => ({
  action: 'command/insert',
  requestId,
  deviceId: SAMPLE_DEVICE,
  command: { command },
  ...more,
});

const commandsNamed = (name: string, of = service) =>
  of.sql('SELECT id FROM device_command WHERE command = $1', [name]);
const eventsOf = (id: number) => watcher.events().filter(({ json }) => json.command.id === id);

describe('a repeated update', () => {
  it('succeeds, changes nothing, and tells of the row as it is now', async () => {
    const id = await service.insertCommand();
    await send(admin, update('u1', id, 'first'));
    await send(admin, update('u2', id, 'second'));
    const before = await service.command(id);
    expect(await send(admin, update('u1', id, 'first'))).toMatchObject({ status: 'success' });
    expect(await service.command(id)).toEqual(before);
    await watcher.next(() => eventsOf(id).length === 3);
    expect(eventsOf(id).map(({ json }) => json.command.status)).toEqual(['first', 'second', 'second']);
    expect(eventsOf(id)[2]!.text).toBe(eventsOf(id)[1]!.text);
  });

  it.each([
    ['with another content under the same requestId', update('again', 0, 'other'), 'other'],
    ['without a requestId', { ...update(null, 0, 'first') }, 'first'],
  ])('is another request %s', async (_, request, expected) => {
    const id = await service.insertCommand();
    const { requestId } = request;
    await send(admin, { ...request, commandId: id, command: { status: 'first' } });
    await send(admin, update('between', id, 'between'));
    await send(admin, { ...request, commandId: id, requestId });
    expect(await service.command(id)).toMatchObject({ status: expected });
  });

  it('is another request from another client, and of another user', async () => {
    const id = await service.insertCommand();
    const token = signToken();
    await send(admin, update('shared', id, 'mine', { token }));
    const other = await service.connect();
    await send(admin, update('between', id, 'between'));
    await send(other, update('shared', id, 'mine', { token }));
    expect(await service.command(id)).toMatchObject({ status: 'mine' });
  });

  it('is recognised with a renewed token, and refused without the right', async () => {
    const id = await service.insertCommand();
    const client = await service.connect();
    await send(client, update(1, id, 'once', { token: signToken() }));
    const before = await service.command(id);
    const renewed = signToken({ e: Date.now() + 1_000_000 });
    expect(await send(client, update(1, id, 'once', { token: renewed }))).toMatchObject({
      status: 'success',
    });
    expect(await service.command(id)).toEqual(before);
    const foreign = signToken({ n: ['77'] });
    expect(await send(client, update(1, id, 'once', { token: foreign }))).toMatchObject({ code: 403 });
  });

  it.each([['text'], [7], [{ a: [1, null] }], [12.5], [true]])(
    'is recognised by the requestId %j',
    async (requestId) => {
      const id = await service.insertCommand();
      await send(admin, update(requestId, id, 'a'));
      const before = await service.command(id);
      await send(admin, update(requestId, id, 'a'));
      expect(await service.command(id)).toEqual(before);
    },
  );

  it('is recognised among 250 others of the same command', async () => {
    const id = await service.insertCommand();
    await send(admin, update('kept', id, 'kept'));
    await Promise.all(Array.from({ length: 250 }, (_, i) => send(admin, update(`other-${i}`, id, `v${i}`))));
    const before = await service.command(id);
    await send(admin, update('kept', id, 'kept'));
    expect(await service.command(id)).toEqual(before);
    expect(before.recent).toHaveLength(251);
  });
});

describe('a repeated insert', () => {
  it('gets the first id and timestamp, makes no second command, and tells of the first', async () => {
    const first = await send(admin, insert('i1', 'once'));
    const second = await send(admin, insert('i1', 'once'));
    expect(second).toEqual(first);
    expect(await commandsNamed('once')).toHaveLength(1);
    await watcher.next(() => eventsOf(first.command.id).length === 2);
  });

  it('makes one command where both come at the same time', async () => {
    const payload = JSON.stringify(insert('i2', 'twins'));
    await Promise.all(
      Array.from({ length: 20 }, () => admin.mqtt.publishAsync('dh/request', payload, { qos: 1 })),
    );
    const replies = () => admin.messages.filter(({ json }) => json.requestId === 'i2');
    await admin.next(() => replies().length === 20);
    expect(new Set(replies().map(({ text }) => text)).size).toBe(1);
    expect(await commandsNamed('twins')).toHaveLength(1);
  });

  it('is another command with another content, without a requestId, and from another client', async () => {
    await send(admin, insert('i3', 'many'));
    await send(admin, insert('i3', 'many', { command: { command: 'many', lifetime: 1 } }));
    await send(admin, insert(null, 'many'));
    await send(admin, insert(null, 'many'));
    await send(await service.connectAdmin(), insert('i3', 'many'));
    expect(await commandsNamed('many')).toHaveLength(5);
  });

  it('of an unknown device stays refused, and is no repeat once the device is there', async () => {
    const request = insert('i4', 'late', { deviceId: 'comes-later' });
    expect(await send(admin, request)).toMatchObject({ code: 404 });
    await service.sql(
      `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('comes-later', 'Late', 1, 1)`,
    );
    expect(await send(admin, request)).toMatchObject({ status: 'success' });
  });
});

describe('REQUEST_REPLAY_WINDOW', () => {
  it('turns both off with 0', async () => {
    const plain = await TestService.start({ REQUEST_REPLAY_WINDOW: '0' });
    try {
      const client = await plain.connectAdmin();
      const id = await plain.insertCommand();
      for (const request of [update('u', id, 'a'), update('v', id, 'b'), update('u', id, 'a')])
        await send(client, request);
      expect(await plain.command(id)).toMatchObject({ status: 'a', recent: [] });
      for (let i = 0; i < 2; i++) await send(client, insert('i', 'x'));
      expect(await commandsNamed('x', plain)).toHaveLength(2);
    } finally {
      await plain.stop();
    }
  });

  it('is over after its seconds: entries are forgotten, and the same request is a new one', async () => {
    const short = await TestService.start({ REQUEST_REPLAY_WINDOW: '1' });
    try {
      const client = await short.connectAdmin();
      const id = await short.insertCommand();
      await send(client, update('u', id, 'a'));
      const first = await send(client, insert('i', 'x'));
      await short.sql(`UPDATE recent_insert SET at = at - interval '2 s'`);
      const remembered = async () => {
        await send(client, update('v', id, `${Date.now()}`));
        return ((await short.command(id)).recent as Buffer[]).length;
      };
      await expect.poll(remembered, { timeout: 10_000, interval: 300 }).toBe(1);
      await send(client, update('u', id, 'a'));
      expect(await short.command(id)).toMatchObject({ status: 'a' });
      expect((await send(client, insert('i', 'x'))).command.id).not.toBe(first.command.id);
    } finally {
      await short.stop();
    }
  });

  it('is over for the table, too: older inserts are deleted, however many they are', async () => {
    const old = { count: 20_001, age: '1 hour' };
    const recent = { count: 2, age: '1 second' };
    await service.sql('DELETE FROM recent_insert');
    for (const { count, age } of [old, recent]) {
      await service.sql(
        `INSERT INTO recent_insert (request, content, made_id, at)
         SELECT convert_to($2 || n, 'utf8'), '', n, now() - $2::interval FROM generate_series(1, $1::int) n`,
        [count, age],
      );
    }
    await service.app.get(ForgetInserts).run();
    const [row] = await service.sql<{ count: number }>('SELECT count(*)::int FROM recent_insert');
    expect(row!.count).toBe(recent.count);
  });
});
