import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownActions } from '../src/actions/index.js';
import { type Permission, PERMISSION_IDS } from '../src/protocol/permissions.js';
import type { TestClient } from './support/client.js';
import { TestService } from './support/service.js';
import { type Claims, signToken } from './support/token.js';

const DEVICE = 'rights-device';
const [NETWORK, OTHER_NETWORK, TYPE, OTHER_TYPE] = [11, 12, 21, 22];

interface ActionRow {
  permission: Permission;
  body: () => Promise<object> | object;
  /** what a caller gets who sees no device; that of an action on one device unless told */
  unseen?: { limited: number; unlimited: number };
}

let service: TestService;
let client: TestClient;
let commandId: number;
let notificationId: number;
let created = 0;

/** Every action that needs a permission. */
const ACTIONS: Record<string, ActionRow> = {
  'command/insert': {
    permission: 'CreateDeviceCommand',
    body: () => ({ deviceId: DEVICE, command: { command: 'x' } }),
  },
  'command/update': {
    permission: 'UpdateDeviceCommand',
    body: () => ({ deviceId: DEVICE, commandId, command: { status: 'x' } }),
  },
  'command/get': { permission: 'GetDeviceCommand', body: () => ({ deviceId: DEVICE, commandId }) },
  'command/list': { permission: 'GetDeviceCommand', body: () => ({ deviceId: DEVICE }) },
  'command/subscribe': {
    permission: 'GetDeviceCommand',
    body: async () => {
      await client.request('command/unsubscribe', { token: signToken({ u: ADMIN }) });
      return { deviceId: DEVICE };
    },
  },
  'notification/insert': {
    permission: 'CreateDeviceNotification',
    body: () => ({ deviceId: DEVICE, notification: { notification: 'x' } }),
  },
  'notification/get': {
    permission: 'GetDeviceNotification',
    body: () => ({ deviceId: DEVICE, notificationId }),
  },
  'notification/list': { permission: 'GetDeviceNotification', body: () => ({ deviceId: DEVICE }) },
  'notification/subscribe': {
    permission: 'GetDeviceNotification',
    body: async () => {
      await client.request('notification/unsubscribe', { token: signToken({ u: ADMIN }) });
      return { deviceId: DEVICE };
    },
  },
  'device/get': { permission: 'GetDevice', body: () => ({ deviceId: DEVICE }) },
  // An id that is taken is refused to everybody who does not see its device: not found would be untrue.
  'device/save': {
    permission: 'RegisterDevice',
    body: () => ({ deviceId: DEVICE, device: { name: 'renamed' } }),
    unseen: { limited: 403, unlimited: 403 },
  },
  'device/delete': {
    permission: 'RegisterDevice',
    body: async () => {
      const deviceId = `rights-${++created}`;
      await insertDevice(deviceId);
      return { deviceId };
    },
  },
  // Lists of what may be seen are empty, not refused.
  'device/list': { permission: 'GetDevice', body: () => ({}), unseen: { limited: 200, unlimited: 200 } },
  'device/count': { permission: 'GetDevice', body: () => ({}), unseen: { limited: 200, unlimited: 200 } },
};

/** Answered without looking at a device; their rules have tests of their own. */
const ELSEWHERE = [
  'authenticate',
  'token',
  'token/create',
  'token/refresh',
  'server/info',
  'cluster/info',
  'command/unsubscribe',
  'notification/unsubscribe',
  'subscription/list',
];

const ADMIN = 1;
const MEMBER = 102;
const STRANGER = 103;
const OF_ANOTHER_TYPE = 104;
const DISABLED = 105;

type Outcome = 'success' | 'limited' | 'unlimited' | [code: number, error: string];

/** Every kind of caller: what its token says beside the permission, and what an action on the device comes to. */
const CALLERS: [who: string, claims: Claims, outcome: Outcome][] = [
  ['an administrator', { u: ADMIN }, 'success'],
  ['an administrator limited to the network', { u: ADMIN, n: [`${NETWORK}`] }, 'success'],
  ['an administrator limited to another network', { u: ADMIN, n: [`${OTHER_NETWORK}`] }, 'limited'],
  ['an administrator limited to no network', { u: ADMIN, n: [] }, 'limited'],
  ['an administrator whose token names no networks', { u: ADMIN, n: undefined }, 'limited'],
  ['an administrator limited to the type', { u: ADMIN, dt: [`${TYPE}`] }, 'success'],
  ['an administrator limited to another type', { u: ADMIN, dt: [`${OTHER_TYPE}`] }, 'limited'],
  ['an administrator whose token names no types', { u: ADMIN, dt: undefined }, 'success'],
  ['a member of the network', { u: MEMBER }, 'success'],
  ['a member limited to the network', { u: MEMBER, n: [`${NETWORK}`] }, 'success'],
  ['a member limited to another network', { u: MEMBER, n: [`${OTHER_NETWORK}`] }, 'limited'],
  ['a member limited to another type', { u: MEMBER, dt: [`${OTHER_TYPE}`] }, 'limited'],
  ['a user of another network', { u: STRANGER }, 'unlimited'],
  ['a user of another network whose token claims the network', { u: STRANGER, n: [`${NETWORK}`] }, 'limited'],
  ['a member without the type', { u: OF_ANOTHER_TYPE }, 'unlimited'],
  ['a disabled user', { u: DISABLED }, [401, 'Invalid credentials']],
  ['a user who does not exist', { u: 9_999 }, [401, 'Invalid credentials']],
  ['an expired token', { u: ADMIN, e: 1 }, [401, 'Token expired']],
  ['a refresh token', { u: ADMIN, t: 0 }, [401, 'Invalid credentials']],
  ['a plugin token', { u: undefined, tpc: 'topic' }, [401, 'Invalid credentials']],
  ['a token without a type', { u: ADMIN, t: undefined }, [401, 'Invalid credentials']],
];

const insertDevice = (deviceId: string) =>
  service.sql('INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ($1, $1, $2, $3)', [
    deviceId,
    NETWORK,
    TYPE,
  ]);

beforeAll(async () => {
  service = await TestService.start();
  client = await service.connect();
  await service.sql(
    `INSERT INTO network (id, name) VALUES (${NETWORK}, 'own'), (${OTHER_NETWORK}, 'other net')`,
  );
  await service.sql(
    `INSERT INTO device_type (id, name) VALUES (${TYPE}, 'own'), (${OTHER_TYPE}, 'other type')`,
  );
  await service.sql(
    `INSERT INTO dh_user (id, login, password_hash, role, status, all_device_types_available) VALUES
       (${MEMBER}, 'member', '', 1, 0, true), (${STRANGER}, 'stranger', '', 1, 0, true),
       (${OF_ANOTHER_TYPE}, 'typed', '', 1, 0, false), (${DISABLED}, 'disabled', '', 0, 2, true)`,
  );
  await service.sql(
    `INSERT INTO user_network VALUES (${MEMBER}, ${NETWORK}), (${STRANGER}, ${OTHER_NETWORK}), (${OF_ANOTHER_TYPE}, ${NETWORK})`,
  );
  await service.sql(`INSERT INTO user_device_type VALUES (${OF_ANOTHER_TYPE}, ${OTHER_TYPE})`);
  await insertDevice(DEVICE);
  commandId = await service.insertCommand(DEVICE);
  const notification = { notification: 'first' };
  const inserted = await client.request('notification/insert', {
    token: signToken(),
    deviceId: DEVICE,
    notification,
  });
  notificationId = inserted.notification.id as number;
});
afterAll(() => service?.stop());

it('every action is in the table, or has its rules tested elsewhere', () => {
  expect([...Object.keys(ACTIONS), ...ELSEWHERE].toSorted()).toEqual([...ownActions].toSorted());
});

describe.each(Object.entries(ACTIONS))('%s', (action, { permission, body, unseen }) => {
  const ask = async (claims: Claims) =>
    client.request(action, { token: signToken(claims), ...(await body()) });
  const needed = { a: [PERMISSION_IDS[permission]] };

  it.each(CALLERS)('by %s', async (_, claims, outcome) => {
    const reply = await ask({ ...needed, ...claims });
    if (Array.isArray(outcome)) {
      expect(reply).toMatchObject({ code: outcome[0], error: outcome[1] });
      return;
    }
    const code =
      outcome === 'success' ? 200 : (unseen?.[outcome] ?? { limited: 403, unlimited: 404 }[outcome]);
    expect(reply).toMatchObject(code === 200 ? { status: 'success' } : { status: 'error', code });
    if (outcome !== 'success') expect(JSON.stringify(reply)).not.toContain('renamed');
  });

  it('without a token', async () => {
    expect(await client.request(action, { ...(await body()) })).toMatchObject({
      code: 401,
      error: 'Unauthorized',
    });
  });

  it('with every permission but its own', async () => {
    const others = Object.values(PERMISSION_IDS).filter((id) => id !== PERMISSION_IDS[permission]);
    expect(await ask({ a: others })).toMatchObject({ code: 403, error: 'Access is denied' });
  });

  it.each([[[]], [[1]]])('with the permissions %j', async (a) => {
    expect(await ask({ a })).toMatchObject({ code: 403, error: 'Access is denied' });
  });

  it('with all permissions', async () => {
    expect(await ask({ a: [0] })).toMatchObject({ status: 'success' });
  });
});
