import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPostgres } from './support/environment.js';
import { type Message, TestClient } from './support/client.js';
import { randomOf } from './support/random.js';
import { TestService } from './support/service.js';
import { signToken } from './support/token.js';

/** The embedded database takes several times as long. */
const OPERATIONS = isPostgres ? 10_000 : 2_000;
const PER_TENANT = 4;
const IN_FLIGHT = 50;
const WILDCARDS = [
  'dh/#',
  'dh/+/+/+/#',
  'dh/command/+/+/+/+',
  'dh/command_update/#',
  'dh/notification/#',
  '#',
];

const TENANTS = ['a', 'b'] as const;
type Tenant = (typeof TENANTS)[number];
const other = (tenant: Tenant): Tenant => (tenant === 'a' ? 'b' : 'a');

const USERS = { a: 201, b: 202 };
const NETWORKS = { a: 301, b: 302 };
const TYPES = { a: 401, b: 402 };
/** Part of every value that a tenant writes; nobody else ever sends it. */
const SECRETS = { a: 'secret-of-a', b: 'secret-of-b' };
const device = (tenant: Tenant, n: number) => `tenant-${tenant}-${n}`;

let service: TestService;
const clients: Record<Tenant, TestClient[]> = { a: [], b: [] };
/** What was inserted, with its device: one of each that nobody has to begin with. */
const known = {
  command: [{ id: 1, deviceId: device('a', 0) }],
  notification: [{ id: 1, deviceId: device('b', 0) }],
};
const outcomes = new Map<string, number>();

beforeAll(async () => {
  service = await TestService.start();
  for (const tenant of TENANTS) {
    const [user, network, type] = [USERS[tenant], NETWORKS[tenant], TYPES[tenant]];
    await service.sql(`INSERT INTO network (id, name) VALUES (${network}, '${SECRETS[tenant]}')`);
    await service.sql(`INSERT INTO device_type (id, name) VALUES (${type}, '${SECRETS[tenant]}')`);
    await service.sql(
      `INSERT INTO dh_user (id, login, password_hash, role, all_device_types_available)
       VALUES (${user}, 'user-${tenant}', '', 1, ${tenant === 'a'})`,
    );
    await service.sql(`INSERT INTO user_network VALUES (${user}, ${network})`);
    await service.sql(`INSERT INTO user_device_type VALUES (${user}, ${type})`);
    for (let n = 0; n < 4; n++) {
      await service.sql(
        'INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ($1, $2, $3, $4)',
        [device(tenant, n), SECRETS[tenant], network, type],
      );
    }
    for (let n = 0; n < PER_TENANT; n++) {
      const client = await service.connect({ clientId: `client-${tenant}-${n}`, clean: n % 2 === 0 });
      await client.authenticate(signToken({ u: user, a: [2, 3, 4, 5, 6, 7, 8, 9, 15, 17] }));
      for (const filter of WILDCARDS) await client.subscribe(filter);
      clients[tenant].push(client);
    }
  }
});
afterAll(() => service?.stop());

/** One request of a tenant about anything, his own or the other's. */
function operationOf(tenant: Tenant, random: () => number): [action: string, body: object] {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const whose = random() < 0.5 ? tenant : other(tenant);
  const deviceId = device(whose, Math.floor(random() * 5));
  const secret = `${SECRETS[tenant]}-${Math.floor(random() * 1_000)}`;
  // Half of the time with its own device: any device and any id hardly ever meet.
  const addressOf = (of: { id: number; deviceId: string }) => ({
    deviceId: random() < 0.5 ? of.deviceId : deviceId,
    id: of.id,
  });
  const command = addressOf(pick(known.command));
  const notification = addressOf(pick(known.notification));
  const fields = { command: secret, parameters: { secret }, status: secret, result: { secret } };
  const timestamp = pick(['2000-01-01', undefined]);
  const networkId = pick([NETWORKS.a, NETWORKS.b, undefined]);
  const deviceTypeId = pick([TYPES.a, TYPES.b, undefined]);
  const saved = { name: secret, data: { secret }, networkId, deviceTypeId };
  return pick<[string, object]>([
    ['command/insert', { deviceId, command: fields }],
    ['command/insert', { deviceId, command: fields }],
    ['command/update', { deviceId: command.deviceId, commandId: command.id, command: fields }],
    ['command/update', { deviceId: command.deviceId, commandId: command.id, command: fields }],
    ['command/get', { deviceId: command.deviceId, commandId: command.id }],
    ['command/list', { deviceId, deviceIds: [device('a', 0), device('b', 0)], take: 5 }],
    ['notification/insert', { deviceId, notification: { notification: secret, parameters: { secret } } }],
    ['notification/get', { deviceId: notification.deviceId, notificationId: notification.id }],
    ['notification/list', { deviceId, take: 5 }],
    [
      'command/subscribe',
      { ...pick([{ deviceId }, { networkIds: [networkId ?? NETWORKS.a] }, {}]), timestamp },
    ],
    ['command/unsubscribe', {}],
    ['notification/subscribe', { deviceTypeIds: pick([[deviceTypeId ?? TYPES.b], []]), timestamp }],
    ['notification/unsubscribe', {}],
    ['subscription/list', {}],
    ['device/get', { deviceId }],
    ['device/list', { take: 10, networkId: pick([undefined, NETWORKS.a, NETWORKS.b]), namePattern: '%' }],
    ['device/count', { networkName: SECRETS[other(tenant)] }],
    ['device/save', { deviceId: device(whose, 4), device: saved }],
    ['device/delete', { deviceId: device(whose, 4) }],
    [
      'token/create',
      {
        payload: { userId: USERS[whose], actions: ['*'], networkIds: [pick([NETWORKS.a, NETWORKS.b, '*'])] },
      },
    ],
  ]);
}

async function run(tenant: Tenant, n: number): Promise<void> {
  const random = randomOf(n * 2 + (tenant === 'a' ? 0 : 1));
  const client = clients[tenant][n]!;
  const perClient = OPERATIONS / (TENANTS.length * PER_TENANT);
  const worker = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const [action, body] = operationOf(tenant, random);
      const reply = await client.request(action, body, random() < 0.8 ? 1 : 0);
      const outcome = `${action} ${reply.code ?? reply.status}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (action.endsWith('/insert') && reply.status === 'success') {
        const kind = action === 'command/insert' ? 'command' : 'notification';
        const { deviceId } = body as { deviceId: string };
        known[kind].push({ id: reply[kind]!.id as number, deviceId });
      }
      if (action === 'token/create' && reply.accessToken) checkToken(tenant, reply.accessToken as string);
    }
  };
  const workers = Math.floor(IN_FLIGHT / (TENANTS.length * PER_TENANT));
  await Promise.all(Array.from({ length: workers }, () => worker(Math.ceil(perClient / workers))));
}

function checkToken(tenant: Tenant, token: string): void {
  const { payload } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as {
    payload: { u: number; n: string[] };
  };
  if (payload.u !== USERS[tenant] || payload.n.some((id) => id !== `${NETWORKS[tenant]}`)) {
    throw new Error(`tenant ${tenant} got a token for ${JSON.stringify(payload)}`);
  }
}

/** What a client must never have received. */
const isForeign = (tenant: Tenant) => (message: Message) =>
  message.text.includes(SECRETS[other(tenant)]) ||
  message.topic.includes(SECRETS[other(tenant)]) ||
  (!message.topic.startsWith('dh/response/') &&
    message.topic.split('/')[2] === `${NETWORKS[other(tenant)]}`) ||
  (message.topic.startsWith('dh/response/') && !message.topic.includes(`@client-${tenant}-`));

describe('two tenants with wildcards everywhere', () => {
  it(`never get anything of each other in ${OPERATIONS} random operations`, async () => {
    await Promise.all(TENANTS.flatMap((tenant) => clients[tenant].map((_, n) => run(tenant, n))));
    for (const tenant of TENANTS) {
      for (const client of clients[tenant]) {
        expect(
          client.messages.filter(isForeign(tenant)).map(({ topic, text }) => `${topic} ${text}`),
        ).toEqual([]);
      }
    }
    // The operations were worth it: of all actions some succeeded, and some were refused.
    const actions = [...new Set([...outcomes.keys()].map((outcome) => outcome.split(' ')[0]!))];
    expect(actions.filter((action) => !outcomes.has(`${action} success`))).toEqual([]);
    expect([...outcomes.keys()].filter((outcome) => / 5\d\d$/.test(outcome))).toEqual([]);
    const refused = [...outcomes]
      .filter(([outcome]) => / 40[34]$/.test(outcome))
      .reduce((sum, [, n]) => sum + n, 0);
    expect(refused).toBeGreaterThan(OPERATIONS / 10);
    for (const tenant of TENANTS) {
      expect(clients[tenant].every((client) => client.events().length > 0)).toBe(true);
      const rows = await service.sql(
        `SELECT d.device_id FROM device d LEFT JOIN device_command c ON c.device = d.id
          WHERE d.network_id = ${NETWORKS[tenant]}
            AND (d.name LIKE '%${SECRETS[other(tenant)]}%' OR c.command LIKE '%${SECRETS[other(tenant)]}%'
                 OR c.status LIKE '%${SECRETS[other(tenant)]}%')`,
      );
      expect(rows).toEqual([]);
    }
  }, 180_000);
});
