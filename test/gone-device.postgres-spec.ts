import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
let admin: TestClient;

const CREATE = `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('back', 'Back', 1, 1)`;
/** Whoever tries to insert for the device finds none, and somebody has saved it when its request asks why. */
const CREATE_ON_INSERT = ['device_command', 'device_notification'].map(
  (table) => `
    CREATE TRIGGER create_device AFTER INSERT ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION create_device()`,
);

beforeAll(async () => {
  service = await TestService.start();
  await service.sql(`
    CREATE FUNCTION create_device() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      ${CREATE} ON CONFLICT DO NOTHING;
      RETURN NULL;
    END $$`);
  for (const trigger of CREATE_ON_INSERT) await service.sql(trigger);
  admin = await service.connectAdmin();
});
afterAll(() => service?.stop());

beforeEach(() => service.sql(`DELETE FROM device WHERE device_id = 'back'`));

const INSERTS: [string, object][] = [
  ['command/insert', { deviceId: 'back', command: { command: 'led/on' } }],
  ['notification/insert', { deviceId: 'back', notification: { notification: 'lit' } }],
];

const deviceExists = async () =>
  (await service.sql(`SELECT FROM device WHERE device_id = 'back'`)).length === 1;

describe.each(INSERTS)('a first %s that meets the end of its device', (action, body) => {
  it('is answered as for an unknown device, also if the device is saved again before the answer', async () => {
    expect(await admin.request(action, body)).toMatchObject({
      code: 404,
      error: 'Device with such deviceId = back not found',
    });
    expect(await deviceExists()).toBe(true);
  });

  it('does not tell a limited token whether the device is there', async () => {
    const limited = await service.connect();
    await limited.authenticate(signToken({ n: ['1'] }));
    expect(await limited.request(action, body)).toMatchObject({ code: 403, error: 'Access is denied' });
    expect(await deviceExists()).toBe(true);
  });
});

describe.each([
  [...INSERTS[0]!, 'The command of this request was deleted'],
  [...INSERTS[1]!, 'Requested notification not found'],
] as [string, object, string][])('a repeated %s', (action, body, error) => {
  it('says that its row was deleted, also if its device has gone and come back', async () => {
    const send = async () => (await admin.send(JSON.stringify({ action, requestId: 'once', ...body }))).json;
    await service.sql(CREATE);
    expect(await send()).toMatchObject({ status: 'success' });
    await service.sql(
      `DELETE FROM ${action.startsWith('command') ? 'device_command' : 'device_notification'}`,
    );
    expect(await send()).toMatchObject({ code: 404, error });
    await service.sql(`DELETE FROM device WHERE device_id = 'back'`);
    await service.sql(CREATE);
    expect(await send()).toMatchObject({ code: 404, error });
  });
});
