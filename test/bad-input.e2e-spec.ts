import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

const MAX_REQUEST_BYTES = 1_048_576;
const TOO_LARGE = { code: 413, status: 'error', error: `Request is larger than ${MAX_REQUEST_BYTES} bytes` };
const MALFORMED = { code: 400, status: 'error', error: 'Malformed Json received.' };

let service: TestService;
let client: TestClient;
let id: number;

beforeAll(async () => {
  service = await TestService.start();
  client = await service.connectAdmin();
  id = await service.insertCommand();
});
afterAll(() => service?.stop());
/** More than a request may have. */
const LONG = 'x'.repeat(MAX_REQUEST_BYTES);
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

/** A `command/update` as text, `rest` spliced in as it is. */
const raw = (rest: string) =>
  `{"action":"command/update","requestId":7,"deviceId":"${SAMPLE_DEVICE}","commandId":${id},${rest}}`;

describe('a payload that is no request', () => {
  it.each([
    ['not JSON', '{"action"'],
    ['empty', ''],
    ['white space only', '  \n'],
    ['an array', '[1]'],
    ['a number', '5'],
    ['null', 'null'],
    ['a string', '"command/update"'],
    ['followed by garbage', '{"action":"x"} x'],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['a request with a NUL byte in a text', '{"action":"x","requestId":7,"y":"\0"}'],
    ['nested 100,000 levels deep', deep(100_000)],
    ['a request of 100,000 levels that is cut off', `{"action":"x","y":${'{"a":'.repeat(100_000)}1`],
  ])('that is %s is answered 400 on the topic without an action', async (_, payload) => {
    const reply = await client.send(payload);
    expect(reply.topic).toBe(`dh/response/@${client.id}`);
    expect(reply.text).toBe(JSON.stringify(MALFORMED));
  });

  it.each([
    ['white space only', ' '.repeat(MAX_REQUEST_BYTES + 1)],
    ['a request that is cut off', `{"action":"x","y":"${LONG}"`],
    ['a request in an array', `[{"action":"x","y":"${LONG}"}]`],
  ])('and is too large, being %s, is answered 413 on the topic without an action', async (_, payload) => {
    const reply = await client.send(payload);
    expect(reply.topic).toBe(`dh/response/@${client.id}`);
    expect(reply.text).toBe(JSON.stringify(TOO_LARGE));
  });
});

describe.each([0, 1] as const)('a request at QoS %i that breaks a limit', (qos) => {
  /** With QoS 1 `send` waits for the PUBACK as well. */
  const answered = async (payload: string) => {
    const { topic, text } = await client.send(payload, { qos });
    return { topic, text };
  };
  const refusal = (error: object, requestId = '7', action = 'command/update') => ({
    topic: `dh/response/${action}@${client.id}`,
    text: `{"action":"${action}","requestId":${requestId},${JSON.stringify(error).slice(1)}`,
  });

  it.each([
    ['U+0000 in a text', '"command":{"status":"\\u0000"}'],
    ['U+0000 in a key', '"command":{"result":{"\\u0000":1}}'],
    ['U+0000 in a member that nobody knows', '"unknown":"\\u0000"'],
    ['a lone surrogate', '"command":{"status":"\\ud800"}'],
    ['an exponent over 308', '"command":{"result":{"n":1e309}}'],
    ['a number of 401 characters', `"command":{"result":{"n":${'1'.repeat(401)}}}`],
    ['numbers that expand too far', `"command":{"result":{"n":[${Array(300).fill('1e300').join(',')}]}}`],
    ['101 levels', `"command":{"result":${deep(99)}}`],
    ['200,000 levels', `"command":{"result":${deep(200_000)}}`],
  ])('by %s is answered 400 on the topic of its action, with its requestId', async (_, rest) => {
    expect(await answered(raw(rest))).toEqual(refusal(MALFORMED));
  });

  it.each([
    ['a long text', `"command":{"status":"${LONG}"}`],
    ['a long text and U+0000', `"a":"\\u0000","b":"${LONG}"`],
    ['600,000 levels', `"command":{"result":${deep(600_000)}}`],
    ['800,000 members', `${'"":1,'.repeat(800_000)}"":1`],
    ['white space', `"command":${' '.repeat(4 * MAX_REQUEST_BYTES - 1_024)}{}`],
  ])(
    'by its size, having %s, is answered 413 on the topic of its action, with its requestId',
    async (_, rest) => {
      expect(await answered(raw(rest))).toEqual(refusal(TOO_LARGE));
    },
  );

  it('by one byte is answered 413, and without that byte it is served', async () => {
    const request = raw('"command":{"status":""}');
    expect(await answered(request.padEnd(MAX_REQUEST_BYTES + 1))).toEqual(refusal(TOO_LARGE));
    const { topic, text } = await answered(request.padEnd(MAX_REQUEST_BYTES));
    expect(topic).toBe(`dh/response/command/update@${client.id}`);
    expect(JSON.parse(text)).toMatchObject({ requestId: 7, status: 'success' });
  });

  it('and spells its names with escapes, behind what breaks it, is answered on the topic of its action', async () => {
    const names = '"\\u0061ction":"command/g\\u0065t","request\\u0049d":[ 1.0 ]';
    const payload = `{"a":"\\u0000","b":${deep(1_000)},${names}}`;
    expect(await answered(payload)).toEqual(refusal(MALFORMED, '[ 1.0 ]', 'command/get'));
  });

  it('and has each name twice is answered to the last', async () => {
    const payload = '{"requestId":1,"action":"a","action":"foo","x":1e999,"requestId":{"action":"b"}}';
    expect(await answered(payload)).toEqual(refusal(MALFORMED, '{"action":"b"}', 'foo'));
  });

  it.each([
    ['U+0000', '"\\u0000"'],
    ['a lone surrogate', '"\\udc00"'],
    ['a number beyond a double', '1e309'],
    ['100 levels of its own', deep(100)],
    ['1,000 levels of its own', deep(1_000)],
  ])('by %s in its requestId is answered on the topic of its action, without it', async (_, id) => {
    const payload = `{"action":"command/get","requestId":${id}}`;
    expect(await answered(payload)).toEqual(refusal(MALFORMED, 'null', 'command/get'));
  });

  it('by a requestId that is larger than a request may be is answered without it', async () => {
    const payload = `{"action":"command/get","requestId":"${LONG}"}`;
    expect(await answered(payload)).toEqual(refusal(TOO_LARGE, 'null', 'command/get'));
  });

  it('and has a long requestId gets it back, as it would with a success', async () => {
    const requestId = `"${'x'.repeat(10_000)}"`;
    const payload = `{"action":"command/get","requestId":${requestId},"x":1e999}`;
    expect(await answered(payload)).toEqual(refusal(MALFORMED, requestId, 'command/get'));
  });

  it('and has the retain flag is answered on the topic of its action, with its requestId', async () => {
    const { topic, text } = await client.send(raw('"x":1e999'), { qos, retain: true });
    expect({ topic, text }).toEqual(refusal(MALFORMED));
  });

  it.each([
    ['with a wildcard', '"a/+/b"'],
    ['with an @', '"a@b"'],
    ['with U+0000', '"\\u0000"'],
    ['beyond a double', '1e999'],
    ['null', 'null'],
    ['an object', '{"a":1}'],
    ['of 200 levels', deep(200)],
    ['of 2,000 characters', `"${'x'.repeat(2_000)}"`],
  ])(
    'and has an action %s is answered on the topic without an action, with its requestId',
    async (_, action) => {
      const { topic, text } = await answered(`{"action":${action},"requestId":7,"x":1e999}`);
      expect(topic).toBe(`dh/response/@${client.id}`);
      expect(JSON.parse(text)).toEqual({ action: null, requestId: 7, ...MALFORMED });
    },
  );
});

describe('a request without a usable action', () => {
  it.each([
    ['absent', '{"requestId":1}'],
    ['null', '{"action":null,"requestId":1}'],
    ['empty', '{"action":"","requestId":1}'],
    ['an object', '{"action":{},"requestId":1}'],
    ['an array', '{"action":["command/update"],"requestId":1}'],
  ])('because it is %s is answered 400 on the topic without an action', async (_, payload) => {
    const reply = await client.send(payload);
    expect(reply.topic).toBe(`dh/response/@${client.id}`);
    expect(reply.json).toEqual({
      action: null,
      requestId: 1,
      code: 400,
      status: 'error',
      error: "'action' field could not be parsed to known endpoint",
    });
  });

  it('because nobody handles it is answered 400 on its topic', async () => {
    const reply = await client.send('{"action":"foo/bar","requestId":1}');
    expect(reply.topic).toBe(`dh/response/foo/bar@${client.id}`);
    expect(reply.json).toEqual({
      action: 'foo/bar',
      requestId: 1,
      code: 400,
      status: 'error',
      error: 'Illegal argument: foo/bar',
    });
  });

  it.each([
    'a/+/b',
    '#',
    'a@b',
    'a//b',
    'a/b/c/d/e',
    'ä',
    'x'.repeat(129),
    '/a'.repeat(100),
    '__proto__/',
    ' ',
  ])(
    'because %s cannot be part of a topic is answered 400 on the topic without an action',
    async (action) => {
      const reply = await client.send(JSON.stringify({ action, requestId: 1 }));
      expect(reply.topic).toBe(`dh/response/@${client.id}`);
      const shown = action.length > 128 ? `${action.slice(0, 128)}...` : action;
      expect(reply.json).toMatchObject({ code: 400, error: `Illegal argument: ${shown}` });
    },
  );

  it.each(['__proto__', 'constructor', 'toString'])(
    'because it is called %s is answered 400',
    async (action) => {
      expect((await client.send(JSON.stringify({ action }))).json).toMatchObject({ code: 400 });
    },
  );
});

describe('a requestId', () => {
  it.each([
    '{"a":[1,2]}',
    '[1]',
    'null',
    '"text"',
    '12345678901234567890',
    '1.10',
    'true',
    '{ "spaced" :  1 }',
  ])('of %s comes back as the text it came in', async (requestId) => {
    const reply = await client.send(
      `{"action":"command/get","requestId":${requestId},"deviceId":"${SAMPLE_DEVICE}","commandId":${id}}`,
    );
    expect(reply.text).toContain(`"requestId":${requestId},"status":"success"`);
  });

  it('that is absent comes back as null', async () => {
    const reply = await client.send('{"action":"foo"}');
    expect(reply.text).toContain('"requestId":null');
  });

  it('that comes twice comes back as the last', async () => {
    const reply = await client.send('{"requestId":1,"action":"foo","requestId":2}');
    expect(reply.json.requestId).toBe(2);
  });
});

describe('command/update with a wrong field', () => {
  const answered = async (payload: string) => {
    const { topic, json } = await client.send(payload);
    expect(topic).toBe(`dh/response/command/update@${client.id}`);
    expect(json).toMatchObject({ action: 'command/update', requestId: 7, status: 'error' });
    return [json.code, json.error];
  };
  const body = (fields: object) =>
    JSON.stringify({
      action: 'command/update',
      requestId: 7,
      deviceId: SAMPLE_DEVICE,
      commandId: id,
      ...fields,
    });

  it.each([
    ['commandId missing', { commandId: undefined, command: {} }, 400, 'Command id is wrong or empty'],
    ['commandId null', { commandId: null, command: {} }, 400, 'Command id is wrong or empty'],
    [
      'commandId and deviceId missing',
      { commandId: null, deviceId: null },
      400,
      'Command id is wrong or empty',
    ],
    ['commandId "12abc"', { commandId: '12abc', command: {} }, 400, MALFORMED.error],
    ['commandId ""', { commandId: '', command: {} }, 400, MALFORMED.error],
    ['commandId 1.5', { commandId: 1.5, command: {} }, 400, MALFORMED.error],
    ['commandId 2^53', { commandId: 2 ** 53, command: {} }, 400, MALFORMED.error],
    ['commandId true', { commandId: true, command: {} }, 400, MALFORMED.error],
    ['commandId [1]', { commandId: [1], command: {} }, 400, MALFORMED.error],
    ['commandId -1', { commandId: -1, command: {} }, 404, 'Command with id = -1 not found'],
    ['commandId unknown', { commandId: '999999', command: {} }, 404, 'Command with id = 999999 not found'],
    ['deviceId missing', { deviceId: undefined, command: {} }, 400, 'Device id is wrong or empty'],
    ['deviceId null', { deviceId: null, command: {} }, 400, 'Device id is wrong or empty'],
    ['deviceId []', { deviceId: [], command: {} }, 400, MALFORMED.error],
    ['deviceId {}', { deviceId: {}, command: {} }, 400, MALFORMED.error],
    ['deviceId ""', { deviceId: '', command: {} }, 404, 'Device with such deviceId =  not found'],
    ['deviceId unknown', { deviceId: 'x', command: {} }, 404, 'Device with such deviceId = x not found'],
    ['command missing', {}, 400, 'Error! Validation failed: Object is null'],
    ['command null', { command: null }, 400, 'Error! Validation failed: Object is null'],
    ['command "x"', { command: 'x' }, 400, MALFORMED.error],
    ['command []', { command: [] }, 400, MALFORMED.error],
    ['status []', { command: { status: [] } }, 400, MALFORMED.error],
    ['status {}', { command: { status: {} } }, 400, MALFORMED.error],
    ['result 5', { command: { result: 5 } }, 400, "'parameters' must be JSON Object!"],
    ['result "x"', { command: { result: 'x' } }, 400, "'parameters' must be JSON Object!"],
    ['result []', { command: { result: [] } }, 400, "'parameters' must be JSON Object!"],
    ['parameters 5', { command: { parameters: 5 } }, 400, "'parameters' must be JSON Object!"],
    ['timestamp garbage', { command: { timestamp: 'soon' } }, 400, MALFORMED.error],
    ['timestamp with two spaces', { command: { timestamp: '2018-02-08  15:26:30' } }, 400, MALFORMED.error],
    ['timestamp in year 300000', { command: { timestamp: '+300000-01-01T00:00:00' } }, 400, MALFORMED.error],
    ['timestamp past year 9999', { command: { timestamp: 9_404_640_000_000_000 } }, 400, MALFORMED.error],
    ['timestamp {}', { command: { timestamp: {} } }, 400, MALFORMED.error],
    ['lifetime 2^31', { command: { lifetime: 2 ** 31 } }, 400, MALFORMED.error],
    ['lifetime 1.5', { command: { lifetime: 1.5 } }, 400, MALFORMED.error],
    ['lifetime "soon"', { command: { lifetime: 'soon' } }, 400, MALFORMED.error],
    [
      'a name of 129 characters',
      { command: { command: 'x'.repeat(129) } },
      400,
      'Command name must have at most 128 characters and 64 levels',
    ],
    [
      'a name of 100 levels',
      { command: { command: '/'.repeat(100) } },
      400,
      'Command name must have at most 128 characters and 64 levels',
    ],
  ])("(%s) is answered in the original's words", async (_, fields, code, error) => {
    expect(await answered(body(fields))).toEqual([code, error]);
  });

  it.each(['"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"'])(
    'that PostgreSQL could not store (%s) is answered 400 wherever it stands',
    async (text) => {
      for (const command of [
        `{"status":${text}}`,
        `{"result":{"deep":[${text}]}}`,
        `{"result":{${text}:1}}`,
      ]) {
        expect(await answered(raw(`"command":${command}`))).toEqual([400, MALFORMED.error]);
      }
    },
  );

  it.each(['1e400', '1e-400', '1e999999999999', '1'.repeat(401)])(
    'that PostgreSQL could not hold (%s) is answered 400',
    async (number) => {
      const reply = await answered(raw(`"command":{"result":{"n":${number}}}`));
      expect(reply).toEqual([400, MALFORMED.error]);
    },
  );

  it('takes commandId as "12" and as 5.0', async () => {
    expect((await client.send(body({ commandId: String(id), command: {} }))).json.status).toBe('success');
    const asFloat = raw('"command":{}').replace(`"commandId":${id}`, `"commandId":${id}.0`);
    expect((await client.send(asFloat)).json.status).toBe('success');
  });

  it('lets the last of duplicate keys win', async () => {
    await client.send(raw('"command":{"status":"lost"},"command":{"status":"first","status":"last"}'));
    expect(await service.command(id)).toMatchObject({ status: 'last' });
  });

  it('stores __proto__ and constructor as plain data and touches no prototype', async () => {
    const result = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
    const reply = await client.send(
      raw(
        `"__proto__":{"polluted":true},"constructor":1,` +
          `"command":{"__proto__":{"status":"x"},"\\u0063onstructor":1,"result":${result}}`,
      ),
    );
    expect(reply.json).toMatchObject({ status: 'success' });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    const [row] = await service.sql<{ result: string }>(
      'SELECT result::text AS result FROM device_command WHERE id = $1',
      [id],
    );
    expect(row!.result.replaceAll(' ', '')).toContain('"__proto__":{"polluted":true}');
  });

  it('keeps 64-bit numbers exactly', async () => {
    await client.send(raw('"command":{"result":{"id":9223372036854775807,"price":0.10}}'));
    const reply = await client.send(
      `{"action":"command/get","deviceId":"${SAMPLE_DEVICE}","commandId":${id}}`,
    );
    expect(reply.text).toContain('9223372036854775807');
    expect(reply.text).toContain('0.10');
  });

  it('turns numbers and booleans into text, and ignores what it does not know', async () => {
    const reply = await client.send(
      raw('"extra":1,"networkId":"x","command":{"status":5,"id":99,"isUpdated":false,"userId":77}'),
    );
    expect(reply.json).toMatchObject({ status: 'success' });
    expect(await service.command(id)).toMatchObject({ status: '5', is_updated: true, user_id: null });
  });

  it('ignores white space and NUL bytes after the JSON', async () => {
    expect((await client.send(`${raw('"command":{}')}\n\0\0\0`)).json).toMatchObject({ status: 'success' });
  });
});

describe('whatever came before', () => {
  it('leaves a service that goes on, and no error in its log', async () => {
    expect((await client.send(raw('"command":{"status":"alive"}'))).json).toMatchObject({
      status: 'success',
    });
    expect(service.logger.lines.filter((line) => /Internal server error|stack/i.test(line))).toEqual([]);
  });
});

describe('a field that is no key for anything', () => {
  it.each(['{"toString":1,"valueOf":1}', '{}', '[]', 'true', 'null', '"__proto__"'])(
    'like commandId %s is answered 400, also to a stranger',
    async (commandId) => {
      const stranger = await service.connect();
      const request = `{"action":"command/update","commandId":${commandId},"deviceId":"x","command":{}}`;
      expect((await stranger.send(request)).json).toMatchObject({ code: 401 });
      expect((await client.send(request)).json).toMatchObject({ code: 400 });
    },
  );

  it('may be there 80,000 times', async () => {
    const many = Array.from({ length: 80_000 }, (_, i) => `"${i}":1`).join(',');
    expect((await client.send(raw(`${many},"command":{}`))).json).toMatchObject({ status: 'success' });
    expect((await client.send(raw(`"command":{${many}}`))).json).toMatchObject({ status: 'success' });
    expect((await client.send(raw(`"command":{"result":{${many}}}`))).json).toMatchObject({
      status: 'success',
    });
  });
});
