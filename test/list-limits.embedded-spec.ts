import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

/** More than a list may examine. */
const ROWS = 50_001;
const TOO_MANY = {
  status: 'error',
  code: 503,
  error: 'The list took too long: narrow it, or skip and take fewer',
};

let service: TestService;
let client: TestClient;
beforeAll(async () => {
  service = await TestService.start();
  client = await service.connectAdmin();
  const device = [SAMPLE_DEVICE, ROWS];
  await service.sql(
    `INSERT INTO device_command (device, command, timestamp, last_updated, status)
     SELECT d.id, 'c', timestamptz '2020-01-01' + n * interval '1 s', now(), md5(n::text)
       FROM device d, generate_series(1, $2::int) n WHERE d.device_id = $1`,
    device,
  );
  await service.sql(
    `INSERT INTO device_notification (device, notification, timestamp)
     SELECT d.id, 'n', timestamptz '2020-01-01' + n * interval '1 s'
       FROM device d, generate_series(1, $2::int) n WHERE d.device_id = $1`,
    device,
  );
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'Many')`);
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id)
     SELECT 'many-' || n, 'D', 2, 1 FROM generate_series(1, $1::int) n`,
    [ROWS],
  );
  await service.sql('ANALYZE');
});
afterAll(() => service?.stop());

const ask = (action: string, request: object) =>
  client.request(action, action.startsWith('device/') ? request : { deviceId: SAMPLE_DEVICE, ...request });

describe('on the embedded database a list that examines more than 50,000 rows', () => {
  it.each([
    ['command/list', { sortField: 'status' }],
    ['command/list', { command: 'of another name' }],
    ['command/list', { skip: ROWS - 1 }],
    ['notification/list', { sortField: 'notification' }],
    ['notification/list', { notification: 'of another name' }],
    ['device/list', { sortField: 'name' }],
    ['device/list', { name: 'of another name' }],
    ['device/count', {}],
    ['command/subscribe', { timestamp: '2019-01-01', names: ['of another name'] }],
    ['command/subscribe', { timestamp: '2019-01-01', returnUpdatedCommands: true }],
    ['notification/subscribe', { timestamp: '2019-01-01', names: ['of another name'] }],
    ['notification/subscribe', { timestamp: '2019-01-01', deviceId: null, networkIds: [1] }],
  ])('is answered 503: %s %j', async (action, request) => {
    expect(await ask(action, request)).toMatchObject(TOO_MANY);
  });
});

describe('on the embedded database a list that examines fewer rows', () => {
  it.each([
    ['command/list', { take: 20 }, 20],
    ['command/list', { skip: 1_000, take: 1 }, 1],
    ['command/list', { sortField: 'status', start: '2020-01-01T13:00:00', take: 20 }, 20],
    ['notification/list', { take: 20 }, 20],
    ['notification/list', { sortField: 'notification', end: '2020-01-01T01:00:00', take: 20 }, 20],
    ['device/list', { take: 20 }, 20],
    ['device/list', { networkId: 1, sortField: 'name' }, 1],
  ])('is answered, however many there are: %s %j', async (action, request, rows) => {
    const { commands, notifications, devices } = await ask(action, request);
    expect(commands ?? notifications ?? devices).toHaveLength(rows);
  });

  it.each(['command/subscribe', 'notification/subscribe'])(
    'is answered, however many there are: %s with a timestamp',
    async (action) => {
      const subscribed = await ask(action, { timestamp: '2019-01-01', limit: 20 });
      expect(subscribed).toMatchObject({ status: 'success', hasMore: true });
    },
  );

  it('is answered after any number of others', async () => {
    for (let n = 0; n < 60; n++)
      expect(await ask('command/list', { take: 1_000 })).toMatchObject({ status: 'success' });
    expect(await ask('device/count', { networkId: 1 })).toMatchObject({ status: 'success', count: 1 });
  });
});
