import { generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import type { TestClient } from './support/client.js';
import { connectWith, refuses } from './support/compatibility.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { type Claims, signToken } from './support/token.js';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const PROVIDER = { JWT_ISSUER: 'https://id.example.com', JWT_AUDIENCE: 'devicehive' };
/** users of role client: in network 1, which the device `in-two` is not in; disabled; in no network; of no device type */
const [MEMBER, DISABLED, NOBODY, TYPELESS] = [50, 51, 52, 53];

let service: TestService;
let client: TestClient;

beforeAll(async () => {
  service = await TestService.start({
    JWT_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    ...PROVIDER,
  });
  client = await connectWith(service);
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'two')`);
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('in-two', 'in two', 2, 1)`,
  );
  await service.sql(
    `INSERT INTO dh_user (id, login, password_hash, role, status, all_device_types_available)
     SELECT u.id, 'user-' || u.id, password_hash, 1, CASE u.id WHEN ${DISABLED} THEN 2 ELSE 0 END, u.id <> ${TYPELESS}
       FROM dh_user d, unnest(ARRAY[${MEMBER}, ${DISABLED}, ${NOBODY}, ${TYPELESS}]) AS u (id) WHERE d.login = '${ADMIN.username}'`,
  );
  await service.sql(`INSERT INTO user_network VALUES (${MEMBER}, 1), (${DISABLED}, 1), (${TYPELESS}, 1)`);
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
const token = (claims: Claims) => ({ token: signToken(claims) });
const create = (userId: number) => each('token/create', { payload: { userId } });
const subscribe = (...bodies: object[]) =>
  all(
    ...['command', 'notification'].map((kind) =>
      each(`${kind}/subscribe`, ...bodies.map((body) => ({ deviceId: null, ...body }))),
    ),
  );
const login = (user: string, password: string) => each('token', { login: user, password });

describe('Errors', () => {
  refuses('401 `Unauthorized`', async () => {
    const stranger = await service.connect();
    return [await stranger.request('device/list'), await stranger.request('authenticate', { token: '' })];
  });
  refuses('401 `Invalid credentials`', async () => [
    ...(await each(
      'device/list',
      { token: 'abc' },
      token({ t: 0 }),
      token({ u: 99 }),
      token({ u: DISABLED }),
    )),
    ...(await all(login('nobody', 'x'), login(ADMIN.username, 'x'))),
  ]);
  refuses('401 `Token expired`', () => {
    const expired = token({ e: Date.now() - 1 });
    return all(each('device/list', expired), each('authenticate', expired));
  });
  refuses('401 `Invalid token type`, `Token has expired`', () =>
    each(
      'token/refresh',
      { refreshToken: signToken() },
      { refreshToken: signToken({ t: 0, e: Date.now() - 1 }) },
    ),
  );
  refuses('401 `User is locked or disabled`', () => login(`user-${DISABLED}`, ADMIN.password));
  refuses('403 `Access is denied`', () => {
    const member = token({ u: MEMBER });
    const limited = token({ u: MEMBER, n: ['1'] });
    return all(
      each(
        'device/get',
        token({ a: [8] }),
        { ...limited, deviceId: 'in-two' },
        { ...limited, deviceId: 'unknown' },
      ),
      each('device/save', { ...member, deviceId: 'in-two', device: {} }),
      each('token/create', { ...member, payload: { userId: MEMBER, actions: ['ManageUser'] } }),
    );
  });
  refuses('403 `No access to network!`, `No access to device type!`', () =>
    all(
      ...[NOBODY, TYPELESS].flatMap((u) =>
        [{}, { n: ['1'] }, { n: ['99'] }].map((limit) =>
          each('device/save', { deviceId: 'new', device: {}, ...token({ u, ...limit }) }),
        ),
      ),
    ),
  );
  refuses('404 `There is no network yet`, `There is no device type yet`', async () => {
    const empty = await TestService.start({
      SEED_SAMPLE_DATA: 'false',
      ADMIN_LOGIN: 'admin',
      ADMIN_PASSWORD: 'a password',
    });
    try {
      const admin = await empty.connect({ username: 'admin', password: 'a password' });
      const save = () => admin.request('device/save', { deviceId: 'first', device: {} });
      const first = await save();
      await empty.sql(`INSERT INTO network (name) VALUES ('one')`);
      return [first, await save()];
    } finally {
      await empty.stop();
    }
  });
  refuses('403 `User is locked or disabled`', () => create(DISABLED));
  refuses("403 `An identity provider's token makes no tokens`", () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const payload = { u: 1, a: [0], n: ['*'], dt: ['*'], t: 1, e: Date.now() + 60_000 };
    const claims = { iss: PROVIDER.JWT_ISSUER, aud: PROVIDER.JWT_AUDIENCE, payload };
    const signed = `${encode({ alg: 'EdDSA' })}.${encode(claims)}`;
    const provided = `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
    return each('token/create', { token: provided, payload: { userId: 1 } });
  });
  refuses('403 `No access to any device type or network`', () => subscribe(token({ u: NOBODY })));
  refuses('404 `Device with such deviceId = <id> not found`', () =>
    each('device/get', { deviceId: 'unknown' }, { deviceId: 'in-two', ...token({ u: MEMBER }) }),
  );
  refuses('404 `Command with id = <id> not found`', async () => {
    const commandId = await service.insertCommand('in-two');
    return each('command/update', { commandId, command: {} }, { commandId: 0, command: {} });
  });
  refuses('404 `The command of this request was deleted`', async () => {
    const request = { action: 'command/insert', requestId: 'made', deviceId: SAMPLE_DEVICE };
    const insert = () => client.send(JSON.stringify({ ...request, command: { command: 'x' } }));
    const { command } = (await insert()).json;
    await service.sql('DELETE FROM device_command WHERE id = $1', [command.id]);
    return [(await insert()).json];
  });
  refuses('404 `Requested notification not found`', async () => {
    const device = { deviceId: 'in-two', notification: { notification: 'x' } };
    const { notification } = await client.request('notification/insert', device);
    return each('notification/get', { notificationId: notification.id }, { notificationId: 0 });
  });
  refuses('404 `User with id = <id> not found`', () => create(99));
  refuses(
    "404 `Networks with such networkIds wasn't found: {[<ids>]}`, `Device types with such deviceTypeIds wasn't found: {[<ids>]}`",
    () => subscribe({ networkIds: [98, 99] }, { deviceTypeIds: [99] }),
  );
  refuses('404 `Subscription with id <id> was not found`', async () => {
    const { subscriptionId } = await client.request('command/subscribe');
    return each('notification/unsubscribe', { subscriptionId }, { subscriptionId: 0 });
  });
});
