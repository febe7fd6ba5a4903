import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { connectWith } from './support/compatibility.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

const SUCCESS = { status: 'success' };
const MALFORMED = { code: 400, error: 'Malformed Json received.' };

let service: TestService;
let client: TestClient;
let id: number;

beforeAll(async () => {
  service = await TestService.start();
  client = await connectWith(service);
  id = await service.insertCommand();
});
afterAll(() => service?.stop());

const ask = (action: string, body: object) => client.request(action, { deviceId: SAMPLE_DEVICE, ...body });
const update = (command: unknown, more: object = {}) =>
  ask('command/update', { commandId: id, command, ...more });
const insert = async (command: object) => (await ask('command/insert', { command })).command;
const get = async (commandId = id) => (await ask('command/get', { commandId })).command;
/** A `command/update` as it is written. */
const send = async (command: string, tail = '') => {
  const head = `{"action":"command/update","requestId":1,"deviceId":"${SAMPLE_DEVICE}","commandId":${id}`;
  return (await client.send(`${head},"command":${command}}${tail}`)).json;
};

describe('Requests', () => {
  it('absent or `null` field', async () => {
    const kept = { status: 'kept', result: { a: 1 }, lifetime: 5 };
    await update(kept);
    await update({ status: null, result: null });
    expect(await get()).toMatchObject(kept);
  });

  it('`"command":{}`, no name', async () => {
    const watcher = await connectWith(service);
    await watcher.subscribe('dh/command/#');
    const { id: commandId } = await insert({});
    const { topic } = await watcher.next(({ json }) => json.command?.id === commandId);
    expect(topic).toBe(`dh/command/1/1/${SAMPLE_DEVICE}/`);
    const before = await get(commandId);
    expect(await update({}, { commandId })).toMatchObject(SUCCESS);
    const after = await get(commandId);
    expect(after.lastUpdated > before.lastUpdated).toBe(true);
    expect(after).toEqual({ ...before, lastUpdated: after.lastUpdated });
  });

  it('`parameters`, `result`', async () => {
    await update({ parameters: { a: 1, deep: { b: 2 } }, result: { a: 1 } });
    await update({ parameters: { deep: {} } });
    expect(await get()).toMatchObject({ parameters: { deep: {} }, result: { a: 1 } });
    expect((await get()).parameters).toEqual({ deep: {} });
    for (const wrong of [5, 'x', []]) {
      const refusal = { code: 400, error: "'parameters' must be JSON Object!" };
      expect(await update({ result: wrong })).toMatchObject(refusal);
    }
  });

  it('unknown fields', async () => {
    const more = { unknown: 1, networkId: 'x', deviceTypeId: [] };
    expect(await update({ status: 'known', id: 0, userId: 7, isUpdated: 1 }, more)).toMatchObject(SUCCESS);
    expect(await get()).toMatchObject({ id, status: 'known', userId: null, networkId: 1 });
  });

  it('JSON syntax', async () => {
    for (const wrong of ['{a:1}', `{'action':'x'}`, '{"action":"x"} x', '{"action":"x",}']) {
      expect((await client.send(wrong)).json).toMatchObject(MALFORMED);
    }
    expect(await send('{}', ' \n\0\0')).toMatchObject(SUCCESS);
  });

  it('integers', async () => {
    for (const [written, read] of Object.entries({ '5': 5, '6.0': 6, '1e3': 1000, '"12"': 12 })) {
      expect(await send(`{"lifetime":${written}}`)).toMatchObject(SUCCESS);
      expect((await get()).lifetime).toBe(read);
    }
    for (const wrong of ['1.5', '"12abc"', '""', 'true', '2147483648'])
      expect(await send(`{"lifetime":${wrong}}`)).toMatchObject(MALFORMED);
    expect(await update({}, { commandId: 2 ** 53 })).toMatchObject(MALFORMED);
    expect(await update({}, { commandId: 2 ** 53 - 1 })).toMatchObject({ code: 404 });
  });

  it('text', async () => {
    for (const [written, read] of Object.entries({ '5': '5', '1.10': '1.10', true: 'true' })) {
      await send(`{"status":${written}}`);
      expect((await get()).status).toBe(read);
    }
  });

  const read = async (timestamp: unknown) => {
    const reply = await update({ timestamp });
    return reply.error ?? (await get()).timestamp;
  };

  it('timestamps in', async () => {
    expect(await read('2018-02-08T17:26:30.123987+02:00')).toBe('2018-02-08T15:26:30.123');
    expect(await read('2018-02-08')).toBe('2018-02-08T00:00:00.000');
    expect(await read('Thu, 08 Feb 2018 15:26:30 GMT')).toBe('2018-02-08T15:26:30.000');
    for (const epoch of [1518103590123, '1518103590123'])
      expect(await read(epoch)).toBe('2018-02-08T15:26:30.123');
    expect(await read('0001-01-01T00:00:00')).toBe('0001-01-01T00:00:00.000');
    expect(await read('9999-12-31T23:59:59.999')).toBe('9999-12-31T23:59:59.999');
    for (const wrong of ['soon', '0000-01-01', 253402300800000])
      expect(await read(wrong)).toBe(MALFORMED.error);
  });

  it('timestamps in: a space instead of `T`', async () => {
    expect(await read('2018-02-08 15:26:30')).toBe('2018-02-08T15:26:30.000');
    expect(await read('2018-02-08 15:26:30.123456+02:00')).toBe('2018-02-08T13:26:30.123');
  });

  it('timestamps in: zones', async () => {
    for (const zone of ['+02', '+0200', '+02:00'])
      expect(await read(`2018-02-08T15:26:30${zone}`)).toBe('2018-02-08T13:26:30.000');
  });

  it('timestamps in: epoch with a fraction', async () => {
    for (const epoch of [1518103590.123, '1518103590.123', 1518103590123.5])
      expect(await read(epoch)).toBe(MALFORMED.error);
  });

  it('timestamps in: leap seconds', async () => {
    expect(await read('2016-12-31T23:59:60Z')).toBe('2017-01-01T00:00:00.000');
    expect(await read('2016-12-31T12:00:60Z')).toBe(MALFORMED.error);
  });

  it('timestamps out', async () => {
    const { timestamp, lastUpdated } = await insert({});
    for (const time of [timestamp, lastUpdated])
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$/);
    expect(Math.abs(Date.parse(`${timestamp}Z`) - Date.now())).toBeLessThan(60_000);
  });

  it('numbers in `parameters`, `result`', async () => {
    const numbers = '[18446744073709551615, 9007199254740993, 0.10]';
    await send(`{"result":{"n":${numbers}}}`);
    const { text } = await client.send(
      JSON.stringify({ action: 'command/get', deviceId: SAMPLE_DEVICE, commandId: id }),
    );
    expect(text).toContain(numbers);
    expect(await send(`{"result":{"n":[1e308, 1e-308, ${'1'.repeat(400)}]}}`)).toMatchObject(SUCCESS);
    for (const wrong of ['1e309', '1e-309', '1'.repeat(401)])
      expect(await send(`{"result":{"n":${wrong}}}`)).toMatchObject(MALFORMED);
  });

  it('keys in `parameters`, `result`', async () => {
    await send('{"result":{"second":1,"a":2,"a":3}}');
    expect(JSON.stringify((await get()).result)).toBe('{"a":3,"second":1}');
  });

  it('nesting', async () => {
    // The request, its command and `result` are three levels.
    const nested = (levels: number) => `{"result":${'{"a":'.repeat(levels - 2)}1${'}'.repeat(levels - 2)}}`;
    expect(await send(nested(100))).toMatchObject(SUCCESS);
    expect(await send(nested(101))).toMatchObject(MALFORMED);
    const { topic } = await client.send(`{"action":"command/update","x":${nested(101)}}`);
    expect(topic).toBe(`dh/response/command/update@${client.id}`);
  });

  it('`\\u0000`, lone surrogates', async () => {
    for (const text of ['"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"']) {
      expect(await send(`{"status":${text}}`)).toMatchObject(MALFORMED);
      expect(await send(`{"result":{"a":${text}}}`)).toMatchObject(MALFORMED);
    }
    expect(await send('{"status":"\\ud83d\\ude00"}')).toMatchObject(SUCCESS);
  });

  it('command name', async () => {
    for (const name of ['x'.repeat(128), '/'.repeat(63)])
      expect(await update({ command: name })).toMatchObject(SUCCESS);
    for (const name of ['x'.repeat(129), '/'.repeat(64)])
      expect(await update({ command: name })).toMatchObject({ code: 400 });
  });

  it('`requestId`', async () => {
    for (const requestId of ['{ "a" : [1] }', '12345678901234567890', '"text"', 'null']) {
      const { text } = await client.send(`{"action":"foo","requestId":${requestId}}`);
      expect(text).toContain(`"requestId":${requestId},`);
    }
    expect((await client.send('{"action":"foo"}')).text).toContain('"requestId":null,');
    const body = {
      action: 'command/insert',
      requestId: 'same',
      deviceId: SAMPLE_DEVICE,
      command: { command: 'once' },
    };
    const replies = [await client.send(JSON.stringify(body)), await client.send(JSON.stringify(body))];
    expect(replies[1]!.json).toEqual(replies[0]!.json);
    expect(await service.sql(`SELECT FROM device_command WHERE command = 'once'`)).toHaveLength(1);
  });

  it('`userId`', async () => {
    await service.sql(`INSERT INTO dh_user (id, login, password_hash, role) VALUES (60, 'other', '', 0)`);
    const { id: commandId, userId } = await insert({});
    expect(userId).toBe(1);
    expect(await update({}, { commandId, token: signToken({ u: 60 }) })).toMatchObject(SUCCESS);
    expect((await get(commandId)).userId).toBe(1);
  });

  it('`id`', async () => {
    const ids = (await Promise.all(Array.from({ length: 20 }, () => insert({})))).map(
      (command) => command.id,
    );
    expect(new Set(ids).size).toBe(20);
    expect(ids.every(Number.isSafeInteger)).toBe(true);
    await expect(
      service.sql('INSERT INTO device_command SELECT * FROM device_command WHERE id = $1', [ids[0]]),
    ).rejects.toThrow('duplicate key');
  });
});
