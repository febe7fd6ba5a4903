import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PERMISSION_IDS } from '../src/protocol/permissions.js';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
let client: TestClient;

/** Inserts commands for a new device, one per row, and gives their ids. */
async function device(deviceId: string, rows: object[] = [], network = 1): Promise<number[]> {
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ($1, 'D', $2, 1)`,
    [deviceId, network],
  );
  const inserted = await service.sql<{ id: string }>(
    `INSERT INTO device_command (device, command, timestamp, last_updated, status, parameters, lifetime)
     SELECT d.id, r.command, coalesce(r.timestamp, '2020-01-01T00:00:00Z'), now(), r.status, r.parameters, r.lifetime
       FROM device d, jsonb_to_recordset($2)
            AS r (command text, timestamp timestamptz, status text, parameters jsonb, lifetime int)
      WHERE d.device_id = $1 RETURNING id`,
    [deviceId, JSON.stringify(rows)],
  );
  return inserted.map(({ id }) => Number(id));
}

const list = (deviceId: string, request: object = {}) =>
  client.request('command/list', { deviceId, ...request });

async function names(deviceId: string, request: object = {}): Promise<unknown[]> {
  const reply = await list(deviceId, request);
  expect(reply).toMatchObject({ status: 'success' });
  return reply.commands.map(({ command }: { command: string }) => command);
}

async function ids(deviceId: string, request: object = {}): Promise<number[]> {
  return (await list(deviceId, request)).commands.map(({ id }: { id: number }) => id);
}

beforeAll(async () => {
  service = await TestService.start();
  client = await service.connectAdmin();
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'Other')`);
  await device('timed', [
    { command: 'a', timestamp: '2020-01-01T00:00:00.000Z', status: 'Done' },
    { command: 'b', timestamp: '2020-01-02T00:00:00.000Z', status: 'failed' },
    { command: 'c', timestamp: '2020-01-03T00:00:00.000Z', status: 'DONE' },
    { command: 'd', timestamp: '2020-01-03T00:00:00.001Z' },
  ]);
  await device('tied', [
    { command: 'x', status: 'b' },
    { status: 'a' },
    { command: 'x' },
    { command: 'B', status: 'b' },
  ]);
});
afterAll(() => service?.stop());

describe('the reply of command/list', () => {
  it('has all twelve fields of each command, as command/get answers them', async () => {
    const command = { command: 'led/on', parameters: { a: 1 }, lifetime: 9, status: 's', result: { b: 2 } };
    await device('twelve');
    const inserted = await client.request('command/insert', { deviceId: 'twelve', command });
    const reply = await list('twelve');
    expect(Object.keys(reply)).toEqual(['action', 'requestId', 'status', 'commands']);
    const got = await client.request('command/get', { deviceId: 'twelve', commandId: inserted.command.id });
    expect(reply.commands).toEqual([got.command]);
    expect(Object.keys(reply.commands[0])).toEqual(Object.keys(got.command));
    expect(reply.commands[0]).toMatchObject({ ...command, deviceId: 'twelve', networkId: 1, userId: 1 });
  });

  it('keeps all digits of numbers', async () => {
    await device('digits');
    const parameters = '{"id":18446744073709551615}';
    await client.send(
      `{"action":"command/insert","deviceId":"digits","command":{"parameters":${parameters}}}`,
    );
    const { text } = await client.send('{"action":"command/list","deviceId":"digits"}');
    expect(text).toContain('18446744073709551615');
  });

  it('is empty where nothing matches, and where the device has no command', async () => {
    await device('silent');
    expect(await list('silent')).toMatchObject({ status: 'success', commands: [] });
    expect(await list('timed', { command: 'none' })).toMatchObject({ status: 'success', commands: [] });
  });

  it('shows only commands of the device, and none of a former one under its id', async () => {
    await device('former', [{ command: 'old' }]);
    await service.sql(`DELETE FROM device WHERE device_id = 'former'`);
    await device('former', [{ command: 'new' }]);
    expect(await names('former')).toEqual(['new']);
  });

  it('has expired commands too', async () => {
    await device('expired', [{ command: 'old', timestamp: '2001-01-01T00:00:00Z', lifetime: 1 }]);
    expect(await names('expired')).toEqual(['old']);
  });
});

describe('the filters of command/list', () => {
  it.each([
    ['start, which is inclusive', { start: '2020-01-02T00:00:00.000' }, ['b', 'c', 'd']],
    ['end, which is inclusive', { end: '2020-01-03' }, ['a', 'b', 'c']],
    ['both', { start: '2020-01-02', end: '2020-01-03' }, ['b', 'c']],
    ['one moment', { start: '2020-01-03', end: '2020-01-03' }, ['c']],
    ['a start after the end', { start: '2020-01-03', end: '2020-01-02' }, []],
    ['a time with offset', { start: '2020-01-02T02:00:00.001+02:00' }, ['c', 'd']],
    ['RFC 1123', { start: 'Fri, 03 Jan 2020 00:00:00 GMT' }, ['c', 'd']],
    ['milliseconds', { start: 1578009600001 }, ['d']],
    ['milliseconds as text', { end: '1577836800000' }, ['a']],
    ['an empty start and a null end', { start: '', end: null }, ['a', 'b', 'c', 'd']],
    ['the name', { command: 'b' }, ['b']],
    ['the name, in its own capitals', { command: 'B' }, []],
    ['several names', { names: ['a', 'd', 'nobody'] }, ['a', 'd']],
    ['no names', { names: [] }, ['a', 'b', 'c', 'd']],
    ['the name among names', { command: 'a', names: ['a', 'b'] }, ['a']],
    ['the name beside other names', { command: 'a', names: ['b'] }, []],
    ['the status, in any capitals', { status: 'dOnE' }, ['a', 'c']],
    ['the status, whole', { status: 'don%' }, []],
    ['an empty status', { status: '' }, []],
    ['status and time', { status: 'done', start: '2020-01-02' }, ['c']],
    ['null in all', { command: null, names: null, status: null, start: null }, ['a', 'b', 'c', 'd']],
  ])('take %s', async (_, request, expected) => expect(await names('timed', request)).toEqual(expected));

  it('apply before skip and take', async () => {
    expect(await names('timed', { status: 'done', take: 1 })).toEqual(['a']);
    expect(await names('timed', { status: 'done', skip: 1, take: 1 })).toEqual(['c']);
  });

  it('do not let deviceIds name another device', async () => {
    expect(await names('timed', { deviceIds: ['tied'], networkIds: [2] })).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('the order of command/list', () => {
  it.each([
    ['by time, ascending', {}, 'abcd'],
    ['by time, descending', { sortOrder: 'DESC' }, 'dcba'],
    ['by time, ascending, for any other order', { sortOrder: 'down' }, 'abcd'],
    ['by time, for a field that does not exist', { sortField: 'id' }, 'abcd'],
    ['by time, descending, for a field that does not exist', { sortField: 'id', sortOrder: 'desc' }, 'dcba'],
    ['descending where a field is given and no order', { sortField: 'Timestamp' }, 'dcba'],
    ['descending where the order is null', { sortField: 'timestamp', sortOrder: null }, 'dcba'],
    ['ascending', { sortField: 'timestamp', sortOrder: 'asc' }, 'abcd'],
    ['ascending for any text', { sortField: 'timestamp', sortOrder: '' }, 'abcd'],
    ['descending in any capitals', { sortField: 'timestamp', sortOrder: 'dEsC' }, 'dcba'],
    ['by name', { sortField: 'COMMAND', sortOrder: 'asc' }, 'abcd'],
    ['by name, descending', { sortField: 'command' }, 'dcba'],
    // In the order of bytes: capitals first, and no status last.
    ['by status', { sortField: 'status', sortOrder: 'asc' }, 'cabd'],
    ['by status, descending', { sortField: 'status', sortOrder: 'desc' }, 'dbac'],
  ])('is %s', async (_, request, expected) => {
    expect((await names('timed', request)).join('')).toBe(expected);
  });

  it('applies before skip and take', async () => {
    expect(await names('timed', { sortField: 'timestamp', take: 1 })).toEqual(['d']);
    expect(await names('timed', { sortField: 'status', sortOrder: 'asc', skip: 1, take: 2 })).toEqual([
      'a',
      'b',
    ]);
  });

  it('is that of the ids among equals, in the same direction, with what is empty last or first', async () => {
    const first = Math.min(...(await ids('tied')));
    const order = async (request: object) => (await ids('tied', request)).map((id) => id - first).join('');
    expect(await order({})).toBe('0123');
    expect(await order({ sortOrder: 'desc' })).toBe('3210');
    expect(await order({ sortField: 'timestamp' })).toBe('3210');
    expect(await order({ sortField: 'status', sortOrder: 'asc' })).toBe('1032');
    expect(await order({ sortField: 'status' })).toBe('2301');
    expect(await order({ sortField: 'command', sortOrder: 'asc' })).toBe('3021');
    expect(await order({ sortField: 'command' })).toBe('1203');
  });
});

describe('the pages of command/list', () => {
  const ROWS = 1_010;
  let all: number[];

  beforeAll(async () => {
    const rows = Array.from({ length: ROWS }, (_, i) => ({
      timestamp: new Date(1_577_836_800_000 + (i >> 2)).toISOString(),
    }));
    all = await device('many', rows);
  });

  it.each([
    ['100 commands unless told', {}, 100],
    ['100 for null', { take: null, skip: null }, 100],
    ['as many as are asked for', { take: 250 }, 250],
    ['as many as a text asks for', { take: '7' }, 7],
    ['1,000 at most', { take: 1_001 }, 1_000],
    ['1,000 for a number beyond 32 bits', { take: 2 ** 40 }, 1_000],
    ['none for 0', { take: 0 }, 0],
    ['none for less', { take: -1 }, 0],
    ['what is left', { skip: ROWS - 3 }, 3],
    ['nothing beyond the end', { skip: ROWS }, 0],
    ['nothing far beyond the end', { skip: Number.MAX_SAFE_INTEGER }, 0],
  ])('have %s', async (_, request, length) => expect(await ids('many', request)).toHaveLength(length));

  it('begin at the first where skip is below 0', async () => {
    expect(await ids('many', { skip: -5, take: 2 })).toEqual(all.slice(0, 2));
  });

  it.each([
    ['ascending', {}, 1],
    ['descending', { sortField: 'timestamp' }, -1],
    ['by a status that none has', { sortField: 'status', sortOrder: 'asc' }, 1],
  ])('give each command exactly once, %s', async (_, order, direction) => {
    const pages: number[] = [];
    for (let skip = 0; skip < ROWS; skip += 97)
      pages.push(...(await ids('many', { ...order, skip, take: 97 })));
    expect(pages).toEqual(direction > 0 ? all : all.toReversed());
  });

  it('are refused when they are too long for a reply, but for a page of one command', async () => {
    const text = 'x'.repeat(900_000);
    for (let i = 0; i < 5; i++) await service.insertCommand(SAMPLE_DEVICE, 'large');
    await service.sql(
      `UPDATE device_command SET parameters = jsonb_build_object('text', $1::text), status = repeat('s', 100000) WHERE command = 'large'`,
      [text],
    );
    const refusal = { code: 413, error: 'Reply is larger than 4194304 bytes: take fewer' };
    expect(await list(SAMPLE_DEVICE, { command: 'large' })).toMatchObject(refusal);
    expect((await list(SAMPLE_DEVICE, { command: 'large', take: 4 })).commands).toHaveLength(4);
    await service.sql(`UPDATE device_command SET status = repeat('s', 5000000) WHERE command = 'large'`);
    expect(await list(SAMPLE_DEVICE, { command: 'large', take: 2 })).toMatchObject(refusal);
    const reply = await list(SAMPLE_DEVICE, { command: 'large', take: 1 });
    expect(reply.commands[0].status).toHaveLength(5_000_000);
  });
});

describe('bad input to command/list', () => {
  it.each([{ deviceId: undefined }, { deviceId: null, start: 'x' }])(
    'is 400 without device: %j',
    async (wrong) => {
      const error = 'Device id is wrong or empty';
      expect(await list('timed', wrong)).toMatchObject({ status: 'error', code: 400, error });
    },
  );

  it.each<object>([
    { deviceId: [] },
    { start: '2020-01-01  00:00:00' },
    { start: {} },
    { end: 'yesterday' },
    { end: true },
    { command: ['a'] },
    { names: 'a' },
    { names: [1] },
    { names: [null] },
    { status: {} },
    { sortField: [] },
    { sortOrder: {} },
    { take: 'ten' },
    { take: 1.5 },
    { skip: [] },
    { skip: '9007199254740993' },
  ])('is 400: %j', async (wrong) => {
    const error = 'Malformed Json received.';
    expect(await list('timed', wrong)).toMatchObject({ status: 'error', code: 400, error });
  });

  it('does not reach the SQL', async () => {
    const hostile = `'; DROP TABLE device_command; --`;
    const request = { command: hostile, status: hostile, names: [hostile], sortField: hostile };
    expect(await list('timed', { ...request, sortOrder: hostile })).toMatchObject({ commands: [] });
    expect(await list(hostile)).toMatchObject({ code: 404 });
  });
});

describe('the rights of command/list', () => {
  const LIST = [PERMISSION_IDS.GetDeviceCommand];
  const asked = (claims: object, deviceId: string, request: object = {}) =>
    list(deviceId, { token: signToken({ a: LIST, ...claims }), ...request });

  beforeAll(async () => {
    await device('abroad', [{ command: 'secret' }], 2);
    await service.sql(
      `INSERT INTO dh_user (id, login, password_hash, role, status) VALUES (7, 'client', 'x', 1, 0), (8, 'gone', 'x', 1, 2)`,
    );
    await service.sql(`INSERT INTO user_network (user_id, network_id) VALUES (7, 1), (8, 1)`);
  });

  it('are those of the token and its user: in sight', async () => {
    expect(await asked({ n: ['1'] }, 'timed', { take: 1 })).toMatchObject({ commands: [{ command: 'a' }] });
    expect(await asked({ u: 7 }, 'timed', { take: 1 })).toMatchObject({ commands: [{ command: 'a' }] });
    expect(await asked({}, 'abroad')).toMatchObject({ commands: [{ command: 'secret' }] });
  });

  it.each(['abroad', 'nowhere'])('are 403 for a limited token, whether the device exists: %s', async (id) => {
    const denied = { code: 403, error: 'Access is denied' };
    expect(await asked({ n: ['1'] }, id)).toMatchObject(denied);
    expect(await asked({ n: ['1'] }, id, { take: 0 })).toMatchObject(denied);
  });

  it('are 404 without limits', async () => {
    const error = 'Device with such deviceId = nowhere not found';
    expect(await list('nowhere')).toMatchObject({ code: 404, error });
    expect(await list('nowhere', { take: 0 })).toMatchObject({ code: 404, error });
  });

  it('answer what command/get answers', async () => {
    for (const claims of [{}, { n: ['1'] }, { dt: ['9'] }, { u: 7 }, { u: 8 }, { u: 99 }]) {
      for (const deviceId of ['abroad', 'nowhere', '']) {
        const token = signToken({ a: LIST, ...claims });
        const get = await client.request('command/get', { deviceId, commandId: 0, token });
        if (get.error.startsWith('Command with id')) continue;
        const { code, error } = await list(deviceId, { token });
        expect({ code, error }).toEqual({ code: get.code, error: get.error });
      }
    }
  });

  it('do not reach another device through deviceIds', async () => {
    const reply = await asked({ n: ['1'] }, 'timed', { deviceIds: ['abroad'] });
    expect(reply.commands.map(({ command }: { command: string }) => command)).toEqual(['a', 'b', 'c', 'd']);
  });
});
