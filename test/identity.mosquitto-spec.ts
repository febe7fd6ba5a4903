import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClient } from './support/client.js';
import { Mosquitto } from './support/mosquitto.js';
import { connectOn, serviceOn } from './support/on-mosquitto.js';
import { MqttProxy } from './support/proxy.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let broker: Mosquitto;
let service: TestService;
let alice: TestClient;
let bob: TestClient;

beforeAll(async () => {
  broker = await Mosquitto.start({ users: ['alice', 'bob', 'a@b', 'b@a'] });
  service = await TestService.start(serviceOn(broker));
  alice = await connectOn(broker, 'alice', { protocolVersion: 5 });
  bob = await connectOn(broker, 'bob', { protocolVersion: 5 });
  for (const filter of ['#', 'dh/#', 'dh/+/+/+', 'dh/response/+/+', 'dh/response/command/get@alice']) {
    await bob.subscribe(filter);
  }
});
afterAll(async () => {
  await alice?.end();
  await bob?.end();
  await service?.stop();
  await broker?.stop();
});

const get = async (more: object = {}) => ({
  action: 'command/get',
  token: signToken(),
  deviceId: SAMPLE_DEVICE,
  commandId: await service.insertCommand(),
  ...more,
});
/** Sends a request of alice's with MQTT 5 properties and waits for its reply. */
async function sendWith(properties: object, topic = 'dh/request/alice') {
  const requestId = `${Math.random()}`;
  const payload = JSON.stringify(await get({ requestId }));
  await alice.mqtt.publishAsync(topic, payload, { qos: 1, properties });
  return alice.next(({ json }) => json.requestId === requestId);
}
/** What has been published before it has arrived: requests are answered in their order. */
const settle = (client: TestClient) => client.request('command/get');

describe('on Mosquitto with the shipped ACL', () => {
  it('a client gets its reply, and nobody else does, whatever he is subscribed to', async () => {
    expect(await alice.request('command/get', await get())).toMatchObject({ status: 'success' });
    await settle(bob);
    expect(bob.messages.filter(({ topic }) => topic.endsWith('@alice'))).toEqual([]);
  });

  it.each(['dh/request/alice', 'dh/request', 'dh/request/bob/x', 'dh/request/'])(
    'a client cannot send as another, or as nobody: %s',
    async (topic) => {
      const requestId = `forged on ${topic}`;
      const before = service.logger.lines.length;
      await bob.mqtt.publishAsync(topic, JSON.stringify(await get({ requestId })), { qos: 0 });
      await settle(bob);
      await settle(alice);
      expect([...alice.messages, ...bob.messages].filter(({ text }) => text.includes(requestId))).toEqual([]);
      expect(service.logger.lines.slice(before).filter((line) => line.includes(requestId))).toEqual([]);
    },
  );

  it.each([
    'dh/response/command/get@alice',
    'dh/command/1/1/alice/x',
    'dh/command_update/1/1/alice/x',
    '$SYS/x',
  ])('a client cannot publish what only the service says: %s', async (topic) => {
    await alice.subscribe(topic);
    await bob.mqtt.publishAsync(topic, 'forged', { qos: 0 });
    await settle(bob);
    await settle(alice);
    expect(alice.messages.filter(({ text }) => text === 'forged')).toEqual([]);
  });

  it('a device reads the events of its own and of no other', async () => {
    await service.sql(
      `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('alice', 'A', 1, 1), ('bob', 'B', 1, 1)`,
    );
    await alice.subscribe('dh/command/#');
    for (const deviceId of ['alice', 'bob']) {
      const body = { token: signToken(), deviceId, command: { command: 'x' } };
      expect(await alice.request('command/insert', body)).toMatchObject({ status: 'success' });
    }
    await settle(bob);
    const devices = (client: TestClient) => client.events().map(({ json }) => json.command.deviceId);
    expect(new Set(devices(alice))).toEqual(new Set(['alice']));
    expect(new Set(devices(bob))).toEqual(new Set(['bob']));
  });

  it('client ids with an @ get their own replies only', async () => {
    const clients = await Promise.all(['a@b', 'b@a'].map((name) => connectOn(broker, name)));
    for (const client of clients) await settle(client);
    for (const client of clients) {
      expect(new Set(client.messages.map(({ topic }) => topic))).toEqual(
        new Set([`dh/response/command/get@${client.id}`]),
      );
      await client.end();
    }
  });
});

describe('a request that breaks a limit', () => {
  const MALFORMED = { status: 'error', code: 400, error: 'Malformed Json received.' };
  const TOO_LARGE = { status: 'error', code: 413, error: 'Request is larger than 1048576 bytes' };

  it.each([
    ['U+0000', 0, '"x":"\\u0000"', MALFORMED],
    ['U+0000', 1, '"x":"\\u0000"', MALFORMED],
    ['2 MB', 0, `"x":"${'x'.repeat(2_000_000)}"`, TOO_LARGE],
    ['2 MB', 1, `"x":"${'x'.repeat(2_000_000)}"`, TOO_LARGE],
  ] as const)(
    'by having %s is refused at QoS %i on the topic of its action, with its requestId',
    async (_, qos, member, error) => {
      const requestId = `${qos} ${error.code}`;
      const payload = `{"action":"command/get","requestId":"${requestId}",${member}}`;
      await alice.mqtt.publishAsync('dh/request/alice', payload, { qos });
      const { topic, json, packet } = await alice.next((message) => message.json.requestId === requestId);
      expect(topic).toBe('dh/response/command/get@alice');
      expect(json).toEqual({ action: 'command/get', requestId, ...error });
      expect(packet.qos).toBe(qos);
    },
  );

  it('is refused on its Response Topic, if that is its sender’s own', async () => {
    const payload = '{"action":"command/get","requestId":"own topic","x":1e309}';
    const responseTopic = 'dh/response/device/get@alice';
    await alice.mqtt.publishAsync('dh/request/alice', payload, { qos: 1, properties: { responseTopic } });
    const { topic, json } = await alice.next((message) => message.json.requestId === 'own topic');
    expect(topic).toBe(responseTopic);
    expect(json).toMatchObject(MALFORMED);
  });

  it('and names a foreign Response Topic is refused on the topic of its action', async () => {
    const payload = '{"action":"command/get","requestId":"foreign topic","x":1e309}';
    const responseTopic = 'dh/response/command/get@bob';
    await alice.mqtt.publishAsync('dh/request/alice', payload, { qos: 1, properties: { responseTopic } });
    const { topic } = await alice.next((message) => message.json.requestId === 'foreign topic');
    expect(topic).toBe('dh/response/command/get@alice');
  });
});

describe('a Response Topic', () => {
  it('of the own client id gets the reply', async () => {
    const responseTopic = 'dh/response/command/get@alice';
    expect((await sendWith({ responseTopic })).topic).toBe(responseTopic);
  });

  it.each([
    'dh/response/command/get@bob',
    'dh/request',
    'dh/request/bob',
    'dh/response/x@bob@alice',
    'dh/response/#',
    'dh/response/+@alice',
    `dh/response${'/'.repeat(300)}x@alice`,
  ])(
    '%s gets nothing: the sender is told on the normal topic, and nothing is executed',
    async (responseTopic) => {
      const { topic, json } = await sendWith({ responseTopic });
      expect(topic).toBe('dh/response/command/get@alice');
      expect(json).toMatchObject({
        code: 400,
        error: 'Response Topic must be below dh/response/ and end in @ and the own client id',
      });
      await settle(bob);
      expect(bob.messages.filter(({ text }) => text.includes(json.requestId))).toEqual([]);
    },
  );
});

describe('Correlation Data', () => {
  it.each([0, 1, 65_535])('of %i bytes comes back with the reply', async (length) => {
    const correlationData = Buffer.alloc(length, 'x');
    const { packet } = await sendWith({ correlationData });
    expect(packet.properties?.correlationData ?? Buffer.alloc(0)).toEqual(correlationData);
  });

  it('comes back with a refusal too', async () => {
    await alice.mqtt.publishAsync('dh/request/alice', 'not JSON', {
      qos: 1,
      properties: { correlationData: Buffer.from('refused') },
    });
    const { json, topic } = await alice.next(
      ({ packet }) => packet.properties?.correlationData?.toString() === 'refused',
    );
    expect(json).toMatchObject({ code: 400 });
    expect(topic).toBe('dh/response/@alice');
  });
});

describe('credentials of a request', () => {
  it('may be in the user property authorization', async () => {
    const body = await get({ token: undefined, requestId: 'bearer' });
    await alice.mqtt.publishAsync('dh/request/alice', JSON.stringify(body), {
      qos: 1,
      properties: { userProperties: { authorization: `Bearer ${signToken()}` } },
    });
    const { json } = await alice.next((message) => message.json.requestId === 'bearer');
    expect(json).toMatchObject({ status: 'success' });
  });

  it('are not those of an authenticate before: there are no sessions here', async () => {
    expect(await alice.request('authenticate', { token: signToken() })).toMatchObject({
      code: 501,
      error: 'Sessions need the built-in broker: send the token along in each request',
    });
    expect(await alice.request('command/get', await get({ token: undefined }))).toMatchObject({ code: 401 });
  });
});

describe('subscriptions by an action', () => {
  it.each(['command', 'notification'])(
    '%s/subscribe says to SUBSCRIBE: this broker decides who gets what',
    async (kind) => {
      expect(await alice.request(`${kind}/subscribe`, { token: signToken() })).toMatchObject({
        code: 501,
        error: `${kind}/subscribe needs the built-in broker: SUBSCRIBE to dh/${kind}/<network>/<device type>/<device>/<name>`,
      });
      expect(await alice.request(`${kind}/unsubscribe`, { token: signToken() })).toMatchObject({
        status: 'success',
      });
      expect(await alice.request('subscription/list', { token: signToken() })).toMatchObject({
        subscriptions: [],
      });
    },
  );
});

describe('guesses at passwords', () => {
  it('are refused and not delayed after the first ones: all clients share one order of answers', async () => {
    const codes: number[] = [];
    // One is forgiven every three seconds, which a hash may take on a busy machine.
    while (codes.at(-1) !== 503 && codes.length < 30) {
      codes.push((await alice.request('token', { login: 'nobody', password: 'wrong' })).code as number);
    }
    expect(codes.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
    expect(codes.at(-1)).toBe(503);
  });
});

describe('CLIENT_ID_SOURCE=property on a broker that adds none', () => {
  it('is found out by the probe: the service is not ready, and executes nothing', async () => {
    const open = await Mosquitto.start({ open: true });
    const overrides = { MQTT_URL: open.url, CLIENT_ID_SOURCE: 'property:client' };
    const unsure = await TestService.start(overrides, undefined, false);
    try {
      await expect
        .poll(() => unsure.logger.lines.join('\n'))
        .toContain(
          'Requests must carry the client id in the user property client, which the broker adds: a probe came without',
        );
      expect((await fetch(`${unsure.httpUrl}/health/ready`)).status).toBe(503);
      const victim = await connectOn(open, 'victim', { protocolVersion: 5 });
      const forger = await connectOn(open, 'forger', { protocolVersion: 5 });
      const id = await unsure.insertCommand();
      for (const body of ['not JSON', JSON.stringify(await get({ commandId: id }))]) {
        await forger.mqtt.publishAsync('dh/request', body, {
          qos: 1,
          properties: { userProperties: { client: 'victim' } },
        });
      }
      // The service has them, since a message to it is delivered after them.
      await unsure.stop();
      expect(victim.messages).toEqual([]);
      await Promise.all([victim.end(), forger.end()]);
    } finally {
      await open.stop();
    }
  });
});

describe('CLIENT_ID_SOURCE=property on a broker that adds it', () => {
  it('knows who asks, whatever the client says, on plain dh/request', async () => {
    const open = await Mosquitto.start({ open: true });
    const proxy = await MqttProxy.start(open.url);
    proxy.rewrite = (direction, packet, clientId) => {
      if (direction === 'toClient' || packet.cmd !== 'publish') return packet;
      const { userProperties = {} } = packet.properties ?? {};
      const own = [(userProperties as Record<string, string | string[]>).client ?? [], clientId].flat();
      return {
        ...packet,
        properties: { ...packet.properties, userProperties: { ...userProperties, client: own } },
      };
    };
    const sure = await TestService.start({ MQTT_URL: proxy.url, CLIENT_ID_SOURCE: 'property:client' });
    try {
      const connect = (clientId: string) =>
        TestClient.connect(proxy.url, { clientId, protocolVersion: 5, requestTopic: 'dh/request' });
      const [victim, forger] = [await connect('victim'), await connect('forger')];
      expect(await victim.request('command/get')).toMatchObject({ code: 401 });
      await forger.mqtt.publishAsync('dh/request', '{"action":"command/get","requestId":"forged"}', {
        qos: 1,
        properties: { userProperties: { client: 'victim' } },
      });
      const { topic } = await forger.next(({ json }) => json.requestId === 'forged');
      expect(topic).toBe('dh/response/command/get@forger');
      await victim.end();
      await forger.end();
    } finally {
      await sure.stop();
      await proxy.stop();
      await open.stop();
    }
  });
});

describe('with the ACL off', () => {
  it('requests on dh/request have no known sender: not executed, counted, and told once', async () => {
    const open = await Mosquitto.start({ open: true });
    const trusting = await TestService.start({ MQTT_URL: open.url });
    try {
      const client = await connectOn(open, 'carol');
      for (let i = 0; i < 5; i++) {
        await client.mqtt.publishAsync('dh/request', JSON.stringify(await get({ requestId: 'unknown' })), {
          qos: 1,
        });
      }
      expect(await settle(client)).toMatchObject({ code: 401 });
      const lines = trusting.logger.lines.filter((line) => line.includes('unknown senders'));
      expect(lines).toEqual([
        expect.stringContaining(
          '1 requests of unknown senders were not executed: requests must be published on dh/request/<client id>',
        ),
      ]);
      const { details } = (await (await fetch(`${trusting.httpUrl}/health/ready`)).json()) as {
        details: { broker: object };
      };
      expect(details.broker).toMatchObject({ role: 'active', unknownSenders: 5 });
      expect(client.messages.filter(({ json }) => json.requestId === 'unknown')).toEqual([]);
      await client.end();
    } finally {
      await trusting.stop();
      await open.stop();
    }
  });
});
