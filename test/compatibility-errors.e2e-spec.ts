import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { connectWith, refuses } from './support/compatibility.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

let service: TestService;
let client: TestClient;

beforeAll(async () => {
  service = await TestService.start({ MAX_IN_FLIGHT: '4' });
  client = await connectWith(service);
});
afterAll(() => service?.stop());

type Reply = Record<string, any>;

/** Requests for the sample device, one for each body. */
async function each(action: string, ...bodies: object[]): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (const body of bodies) replies.push(await client.request(action, { deviceId: SAMPLE_DEVICE, ...body }));
  return replies;
}
async function all(...requests: Promise<Reply[]>[]): Promise<Reply[]> {
  return (await Promise.all(requests)).flat();
}
async function sent(...payloads: (string | Buffer)[]): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (const payload of payloads) replies.push((await client.send(payload)).json);
  return replies;
}
const create = (...payloads: object[]) =>
  each('token/create', ...payloads.map((payload) => ({ payload: { userId: 1, ...payload } })));

describe('Errors', () => {
  refuses('400 `Malformed Json received.`', async () => [
    ...(await sent(Buffer.from([0x7b, 0xff, 0x7d]), '[1]', '{"action":')),
    ...(await each('command/update', { commandId: '12abc' }, { commandId: 1, command: 'text' })),
  ]);
  refuses("400 `'action' field could not be parsed to known endpoint`", () =>
    sent('{}', '{"action":null}', '{"action":""}', '{"action":{}}', '{"action":[]}'),
  );
  refuses('400 `Illegal argument: <action>`', () => each('foo/bar', {}));
  refuses('400 `Command id is wrong or empty`', () =>
    all(each('command/update', {}, { commandId: null }), each('command/get', {})),
  );
  refuses('400 `Device id is wrong or empty`', () =>
    all(...['command/get', 'command/list', 'device/get'].map((action) => each(action, { deviceId: null }))),
  );
  refuses('400 `Error! Validation failed: Object is null`', () =>
    all(each('command/update', { commandId: 1 }, { commandId: 1, command: null }), each('device/save', {})),
  );
  refuses('400 `Command is required`', () => each('command/insert', {}, { command: null }));
  refuses("400 `'parameters' must be JSON Object!`", () =>
    each('command/insert', { command: { parameters: [] } }, { command: { result: 5 } }),
  );
  refuses('400 `Command name must have at most 128 characters and 64 levels`', () =>
    each(
      'command/insert',
      { command: { command: 'x'.repeat(129) } },
      { command: { command: '/'.repeat(64) } },
    ),
  );
  refuses('400 `Invalid or empty authorization request parameters`', () =>
    each(
      'token',
      { login: 'x' },
      { password: 'x' },
      { login: ' ', password: 'x' },
      { login: 'x', password: '' },
    ),
  );
  refuses('400 `Missing or invalid payload in request`', () =>
    all(each('token/create', {}, { payload: {} }, { payload: { userId: 'x' } }), each('token/refresh', {})),
  );
  refuses('400 `Unknown action: <name>`', () => create({ actions: ['Fly'] }, { actions: [19] }));
  refuses('400 `Expiration must be in the future, 182 days ahead at most`', () =>
    create({ expiration: Date.now() - 1 }, { refreshExpiration: Date.now() + 183 * 86_400_000 }),
  );
  refuses('400 `The token would be longer than 8192 characters`', () =>
    create({ networkIds: Array.from({ length: 10_000 }, (_, id) => id) }),
  );
  refuses('400 `Notification is required`', () =>
    each('notification/insert', { deviceId: null }, { notification: null }, { notification: {} }),
  );
  refuses('400 `Notification id is wrong or empty`', () =>
    each('notification/get', {}, { notificationId: null }),
  );
  refuses('400 `Notification name must have at most 128 characters and 64 levels`', () =>
    each('notification/insert', { notification: { notification: 'x'.repeat(129) } }),
  );
  refuses('400 `Device Id can only contain letters, digits and dashes.`', () =>
    each('device/save', { deviceId: 'a b', device: {} }, { deviceId: 'x'.repeat(49), device: {} }),
  );
  refuses('400 `Device name must have 1 to 128 characters`', () =>
    each('device/save', { device: { name: '' } }, { device: { name: 'x'.repeat(129) } }),
  );
  refuses('400 `Invalid request parameters`', () =>
    all(
      each('device/save', { device: { networkId: 99 } }, { device: { deviceTypeId: 99 } }),
      each('device/list', { sortField: 'id' }),
    ),
  );
  refuses('400 `namePattern must have at most 512 characters`', () =>
    all(...['device/list', 'device/count'].map((action) => each(action, { namePattern: '%'.repeat(513) }))),
  );
  refuses('400 `Retained requests are not executed`', async () => [
    (await client.send('{"action":"device/list"}', { retain: true })).json,
  ]);
  refuses('400 `More than 1000 combinations of network, device type and name: ask for fewer`', () =>
    each('command/subscribe', { names: Array.from({ length: 1_001 }, (_, n) => `n${n}`) }),
  );
  refuses('400 `Names must have at most 128 characters and 64 levels`', () =>
    all(
      ...['command', 'notification'].map((kind) =>
        each(`${kind}/subscribe`, { names: ['x', 'x'.repeat(129)] }, { names: ['/'.repeat(64)] }),
      ),
    ),
  );
  refuses('413 `Reply is larger than 4194304 bytes: take fewer`', async () => {
    await service.sql(
      `INSERT INTO device_command (device, command, timestamp, last_updated, parameters)
       SELECT d.id, 'large', now(), now(), jsonb_build_object('text', repeat('x', 900000))
         FROM device d, generate_series(1, 5) WHERE d.device_id = $1`,
      [SAMPLE_DEVICE],
    );
    return each('command/list', { command: 'large' });
  });
  refuses('413 `Request is larger than <n> bytes`', () => sent(' '.repeat(1_048_577)));
  refuses('429 `More than 100 subscriptions: unsubscribe from some first`', async () => {
    const asking = await connectWith(service);
    const replies = await Promise.all(Array.from({ length: 101 }, () => asking.request('command/subscribe')));
    return replies.filter(({ status }) => status === 'error');
  });
  refuses(
    '429 `More than 1000 filters or 10000 levels on one connection: unsubscribe from some first, or ask for fewer`',
    async () => {
      const asking = await connectWith(service);
      const names = Array.from({ length: 400 }, (_, n) => `n${n}`);
      const replies = await Promise.all([1, 2, 3].map(() => asking.request('command/subscribe', { names })));
      return replies.filter(({ status }) => status === 'error');
    },
  );
  it('500 `Internal server error`', async () => {
    await service.sql('ALTER TABLE device_command RENAME TO device_command_away');
    const [reply] = await each('command/get', { commandId: 1 });
    await service.sql('ALTER TABLE device_command_away RENAME TO device_command');
    expect(reply).toMatchObject({ status: 'error', code: 500, error: 'Internal server error' });
    expect(service.logger.lines.join('\n')).toContain('relation "device_command" does not exist');
  });
  refuses('503 `Service is overloaded, try again`', async () => {
    const busy = await connectWith(service);
    const body = { deviceId: SAMPLE_DEVICE };
    const replies = await Promise.all(Array.from({ length: 50 }, () => busy.request('device/get', body, 0)));
    return replies.filter(({ status }) => status === 'error');
  });
  refuses('503 `The device is being changed by somebody else, try again`', async () => {
    // Whoever saves this device finds that somebody else was faster, each time.
    await service.sql(
      `CREATE FUNCTION be_faster() RETURNS trigger LANGUAGE plpgsql
       AS $$ BEGIN RAISE unique_violation; END $$`,
    );
    await service.sql(
      `CREATE TRIGGER faster BEFORE INSERT ON device FOR EACH ROW
       WHEN (NEW.device_id = 'contested') EXECUTE FUNCTION be_faster()`,
    );
    return each('device/save', { deviceId: 'contested', device: {} });
  });
});
