import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { Aedes, type Subscription } from 'aedes';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROBE_ACTION } from '../src/protocol/topics.js';
import { DeviceHiveServer } from '../src/transport/devicehive.server.js';
import { TestClient } from './support/client.js';
import { Mosquitto } from './support/mosquitto.js';
import { connectOn, serviceOn } from './support/on-mosquitto.js';
import { MqttProxy } from './support/proxy.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

const token = signToken();
const statusOf = async ({ httpUrl }: TestService) => (await fetch(`${httpUrl}/health/ready`)).status;
async function isReady(service: TestService): Promise<void> {
  await expect.poll(() => statusOf(service), { timeout: 10_000, interval: 50 }).toBe(200);
}
async function hasLogged(service: TestService, text: string): Promise<void> {
  await expect.poll(() => service.logger.lines.join('\n'), { timeout: 10_000 }).toContain(text);
}

describe('a broker that is away', () => {
  it('at the start is waited for, and said once', async () => {
    const broker = await Mosquitto.start({ users: ['alice'] });
    await broker.kill();
    const service = await TestService.start(serviceOn(broker), undefined, false);
    try {
      await hasLogged(service, `${broker.url}: connect ECONNREFUSED 127.0.0.1:${broker.port}; trying again`);
      expect(await statusOf(service)).toBe(503);
      await broker.startAgain();
      await isReady(service);
      const alice = await connectOn(broker, 'alice');
      expect(await alice.request('command/get')).toMatchObject({ code: 401 });
      await alice.end();
      expect(service.logger.lines.filter((line) => line.includes('ECONNREFUSED'))).toHaveLength(1);
    } finally {
      await service.stop();
      await broker.stop();
    }
  });

  it('for a while gets what it has kept executed when it is back, within 5 s', async () => {
    const broker = await Mosquitto.start({ users: ['alice'] });
    const proxy = await MqttProxy.start(broker.url);
    const service = await TestService.start(serviceOn(broker, proxy.url));
    try {
      const id = await service.insertCommand();
      const alice = await connectOn(broker, 'alice');
      proxy.refuse(true);
      proxy.cut();
      await expect.poll(() => statusOf(service)).toBe(503);
      const body = { token, deviceId: SAMPLE_DEVICE, commandId: id, command: { status: 'kept' } };
      const reply = alice.request('command/update', body);
      await expect.poll(() => service.logger.lines.join('\n')).toContain('is away; trying again');
      proxy.refuse(false);
      const from = performance.now();
      expect(await reply).toMatchObject({ status: 'success' });
      expect(performance.now() - from).toBeLessThan(5_000);
      expect(await service.command(id)).toMatchObject({ status: 'kept' });
      await alice.end();
    } finally {
      await service.stop();
      await proxy.stop();
      await broker.stop();
    }
  });

  it('does not keep the service from stopping', async () => {
    const broker = await Mosquitto.start();
    const service = await TestService.start(serviceOn(broker));
    await broker.stop();
    const from = performance.now();
    await service.stop();
    expect(performance.now() - from).toBeLessThan(5_000);
  });
});

describe('a service that does not lead any more', () => {
  it('disconnects behind what it has answered, and leads again', async () => {
    const broker = await Mosquitto.start({ users: ['alice'] });
    const proxy = await MqttProxy.start(broker.url);
    const service = await TestService.start(serviceOn(broker, proxy.url));
    const sent = (cmd: string) =>
      proxy.packets.filter(({ direction, packet }) => direction === 'toBroker' && packet.cmd === cmd).length;
    try {
      const alice = await connectOn(broker, 'alice');
      await service.sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = 'nest-devicehive leader' AND datname = current_database()`,
      );
      await expect.poll(() => sent('connect'), { timeout: 10_000 }).toBe(2);
      expect(sent('disconnect')).toBe(1);
      await isReady(service);
      expect(await alice.request('command/get')).toMatchObject({ code: 401 });
      await alice.end();
    } finally {
      await service.stop();
      await proxy.stop();
      await broker.stop();
    }
  });
});

describe('a broker that does not want the service', () => {
  it('refuses its credentials: said once, and tried again', async () => {
    const broker = await Mosquitto.start({ edit: (conf) => conf.replace(/^password_file.*$/m, '') });
    const service = await TestService.start(serviceOn(broker), undefined, false);
    try {
      await hasLogged(
        service,
        `${broker.url}: Connection refused: Not authorized (MQTT_USERNAME, MQTT_PASSWORD); trying again`,
      );
      expect(await statusOf(service)).toBe(503);
      await expect.poll(() => broker.output.match(/New connection/g)?.length).toBeGreaterThan(2);
      expect(service.logger.lines.filter((line) => line.includes('Not authorized'))).toHaveLength(1);
    } finally {
      await service.stop();
      await broker.stop();
    }
  });

  it('lets it read nothing: the service is not ready, says why, and is once it may', async () => {
    const broker = await Mosquitto.start({
      acl: (acl) => acl.replace('topic readwrite dh/#', 'topic write dh/#'),
    });
    const service = await TestService.start(serviceOn(broker), undefined, false);
    try {
      await hasLogged(
        service,
        'A probe on dh/request/devicehive did not come back: may this client publish there and read dh/request/#?',
      );
      expect(await statusOf(service)).toBe(503);
      await broker.reload();
      await expect.poll(() => statusOf(service), { timeout: 15_000, interval: 100 }).toBe(200);
    } finally {
      await service.stop();
      await broker.stop();
    }
  });

  it('grants a lower QoS: the service is not ready and says so', async () => {
    const broker = await Mosquitto.start({
      edit: (conf) => conf.replace(/^listener 1883$/m, '$&\nmax_qos 0'),
    });
    const service = await TestService.start(serviceOn(broker), undefined, false);
    try {
      await hasLogged(service, 'The broker grants QoS 0 instead of 1 for dh/request/#');
      expect(await statusOf(service)).toBe(503);
    } finally {
      await service.stop();
      await broker.stop();
    }
  });

  it('connects somebody else under its client id: an error that says what to do', async () => {
    const broker = await Mosquitto.start();
    const service = await TestService.start(serviceOn(broker));
    try {
      const other = await connectAsync(broker.url, { ...broker.login(), reconnectPeriod: 20 });
      await hasLogged(
        service,
        `${broker.url} soon ends each connection: another one may be taking over the client id devicehive: ` +
          'replicas must share one database, all others need another MQTT_CLIENT_ID',
      );
      await other.endAsync(true);
      await isReady(service);
      expect(await statusOf(service)).toBe(200);
      // A broker that gives the reason.
      service.mqtt.emit('disconnect', { cmd: 'disconnect', reasonCode: 142 });
      await hasLogged(service, `Another connection to ${broker.url} has taken over the client id devicehive`);
    } finally {
      await service.stop();
      await broker.stop();
    }
  });
});

/** A broker that speaks MQTT 3.1.1 only, and decides about subscriptions as told. */
async function withOldBroker(
  subscribed: (subscription: Subscription) => Subscription | null,
  run: (url: string, aedes: Aedes) => Promise<void>,
): Promise<void> {
  const aedes = await Aedes.createBroker({
    authorizeSubscribe: (_client, subscription, done) => done(null, subscribed(subscription)),
  });
  const server = createServer({ noDelay: true }, (socket) => aedes.handle(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await run(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, aedes);
  } finally {
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    server.close();
  }
}

describe('a broker without MQTT 5', () => {
  it('is served with MQTT 3.1.1', () =>
    withOldBroker(
      (subscription) => subscription,
      async (url) => {
        const service = await TestService.start({ MQTT_URL: url });
        try {
          await hasLogged(service, `${url} speaks no MQTT 5, going on with MQTT 3.1.1`);
          const client = await TestClient.connect(url, {
            clientId: 'alice',
            requestTopic: 'dh/request/alice',
          });
          const body = { token, deviceId: SAMPLE_DEVICE, command: { command: 'x' } };
          expect(await client.request('command/insert', body)).toMatchObject({ status: 'success' });
          await client.end();
        } finally {
          await service.stop();
        }
      },
    ));

  it('that denies the subscription: the service is not ready and says so', () =>
    withOldBroker(
      () => null,
      async (url) => {
        const service = await TestService.start({ MQTT_URL: url }, undefined, false);
        try {
          await hasLogged(service, 'The broker refuses the subscription to dh/request/#');
          expect(await statusOf(service)).toBe(503);
        } finally {
          await service.stop();
        }
      },
    ));
});

describe('a broker with TLS', () => {
  const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);
  const tls = (conf: string) =>
    conf.replace(
      /^listener 1883$/m,
      `$&\ncertfile ${fixture('broker.pem')}\nkeyfile ${fixture('broker-key.pem')}`,
    );

  it('is trusted when MQTT_CA_FILE says so, and not otherwise', async () => {
    const broker = await Mosquitto.start({ edit: tls });
    const overrides = { ...serviceOn(broker), MQTT_URL: broker.url.replace('mqtt:', 'mqtts:') };
    const service = await TestService.start({ ...overrides, MQTT_CA_FILE: fixture('ca.pem') });
    expect(await statusOf(service)).toBe(200);
    await service.stop();
    const wary = await TestService.start(overrides, undefined, false);
    try {
      await hasLogged(wary, 'unable to verify the first certificate; trying again');
      expect(await statusOf(wary)).toBe(503);
    } finally {
      await wary.stop();
      await broker.stop();
    }
  });
});

describe('requests of an unusual kind', () => {
  let broker: Mosquitto;
  let service: TestService;
  let alice: TestClient;

  beforeAll(async () => {
    broker = await Mosquitto.start({
      users: ['alice', 'late'],
      edit: (conf) => conf.replace(/^max_packet_size.*$/m, 'max_packet_size 4000'),
      acl: (acl) => `${acl}\nuser late\ntopic readwrite dh/#\n`,
    });
    service = await TestService.start(serviceOn(broker));
    alice = await connectOn(broker, 'alice');
  });
  afterAll(async () => {
    await alice?.end();
    await service?.stop();
    await broker?.stop();
  });

  const insert = (command: string, parameters = {}) => ({
    action: 'command/insert',
    token,
    deviceId: SAMPLE_DEVICE,
    command: { command, parameters },
  });
  const commandsNamed = (name: string) =>
    service.sql('SELECT id FROM device_command WHERE command = $1', [name]);

  it('at QoS 2 are executed once and answered at QoS 1', async () => {
    const { json, packet } = await alice.send(JSON.stringify(insert('twice')), { qos: 2 });
    expect(json).toMatchObject({ status: 'success' });
    expect(packet.qos).toBe(1);
    expect(await commandsNamed('twice')).toHaveLength(1);
  });

  it('at QoS 0 are answered at QoS 0', async () => {
    const { json, packet } = await alice.send(JSON.stringify(insert('zero')), { qos: 0 });
    expect(json).toMatchObject({ status: 'success' });
    expect(packet.qos).toBe(0);
  });

  it('with a name that no topic takes are told of under another topic, and cost nobody anything', async () => {
    for (const command of ['\uffff', 'a\u{1fffe}b', '/'.repeat(63)]) {
      expect(await alice.request('command/insert', insert(command))).toMatchObject({ status: 'success' });
    }
    expect(service.mqtt.connected).toBe(true);
    expect(service.logger.lines.filter((line) => line.includes('away'))).toEqual([]);
  });

  it('whose event the broker punishes by ending each connection are told of no more, and all is well', async () => {
    service.app.get(DeviceHiveServer).publishEvent({ topic: 'dh/command/\uffff', payload: '{}' });
    await hasLogged(service, 'The broker ends each connection over a message on "dh/command/');
    expect(await alice.request('command/get')).toMatchObject({ code: 401 });
    await isReady(service);
  });

  /** A command that no request could have made over this broker. */
  async function bigCommand(): Promise<{ token: string; deviceId: string; commandId: number }> {
    const commandId = await service.insertCommand();
    const parameters = JSON.stringify({ text: 'x'.repeat(4_000) });
    await service.sql('UPDATE device_command SET parameters = $2 WHERE id = $1', [commandId, parameters]);
    return { token, deviceId: SAMPLE_DEVICE, commandId };
  }

  it('whose event is larger than the broker takes succeed; the log says that watchers are not told', async () => {
    const body = { ...(await bigCommand()), command: { status: 'done' } };
    expect(await alice.request('command/update', body)).toMatchObject({ status: 'success' });
    const event = `dh/command_update/1/1/${SAMPLE_DEVICE}/led/on`;
    await hasLogged(service, `An event on "${event}" is larger than the broker takes: not sent`);
  });

  it('whose reply is larger than the broker takes get 413', async () => {
    expect(await alice.request('command/get', await bigCommand())).toMatchObject({
      code: 413,
      error: 'Reply is larger than the broker takes',
    });
    expect(alice.messages.at(-1)!.topic).toBe('dh/response/command/get@alice');
    expect(await alice.request('command/get')).toMatchObject({ code: 401 });
  });

  it('whose requestId makes even the refusal larger than the broker takes get 413 without it, at no cost to others', async () => {
    const ends = () => service.logger.lines.filter((line) => line.includes('ends the connection')).length;
    const before = ends();
    const request = JSON.stringify({ action: 'command/get', requestId: 'x'.repeat(3_850) });
    await alice.mqtt.publishAsync('dh/request/alice', request, { qos: 1 });
    const { topic, json } = await alice.next(({ json }) => json.code === 413 && json.requestId === null);
    expect(topic).toBe('dh/response/command/get@alice');
    expect(json).toEqual({
      action: 'command/get',
      requestId: null,
      code: 413,
      status: 'error',
      error: 'Reply is larger than the broker takes',
    });
    expect(await alice.request('command/get')).toMatchObject({ code: 401 });
    expect(ends()).toBe(before);
  });

  it('that are larger than the broker takes end the connection of their sender only', async () => {
    const hostile = await connectOn(broker, 'late');
    const gone = new Promise<void>((resolve) => hostile.mqtt.once('close', () => resolve()));
    hostile.mqtt.publish('dh/request/late', 'x'.repeat(5_000), { qos: 1 });
    await gone;
    expect(await alice.request('command/get')).toMatchObject({ code: 401 });
    await hostile.end();
  });

  it('with the retain flag are refused, and not executed by a service that comes later either', async () => {
    const { json } = await alice.send(JSON.stringify(insert('retained')), { retain: true });
    expect(json).toMatchObject({ code: 400, error: 'Retained requests are not executed' });
    const later = await TestService.start({
      ...serviceOn(broker),
      MQTT_CLIENT_ID: 'late',
      ...lateLogin(broker),
    });
    await later.stop();
    expect(await commandsNamed('retained')).toEqual([]);
  });
});

function lateLogin(broker: Mosquitto): Record<string, string> {
  const { username, password } = broker.login('late');
  return { MQTT_USERNAME: username, MQTT_PASSWORD: password };
}

describe('a broker with a small Receive Maximum', () => {
  it('never gets more unacknowledged than that, and everything in the end', async () => {
    const broker = await Mosquitto.start({
      users: ['alice'],
      edit: (conf) => conf.replace(/^max_inflight_messages.*$/m, 'max_inflight_messages 3'),
    });
    const proxy = await MqttProxy.start(broker.url);
    const service = await TestService.start(serviceOn(broker, proxy.url));
    try {
      const alice = await connectOn(broker, 'alice');
      const ids = await Promise.all(Array.from({ length: 4 }, () => service.insertCommand()));
      const replies = await Promise.all(
        Array.from({ length: 200 }, (_, i) => {
          const command = { status: `s${i}` };
          return alice.request('command/update', {
            token,
            deviceId: SAMPLE_DEVICE,
            commandId: ids[i % 4]!,
            command,
          });
        }),
      );
      expect(replies.every(({ status }) => status === 'success')).toBe(true);
      const open = new Set<number>();
      let most = 0;
      for (const { direction, packet } of proxy.packets) {
        if (direction === 'toBroker' && packet.cmd === 'publish' && packet.qos > 0)
          open.add(packet.messageId!);
        if (direction === 'toClient' && packet.cmd === 'puback') open.delete(packet.messageId!);
        most = Math.max(most, open.size);
      }
      expect(most).toBeGreaterThan(1);
      expect(most).toBeLessThanOrEqual(3);
      await alice.end();
    } finally {
      await service.stop();
      await proxy.stop();
      await broker.stop();
    }
  });
});

describe('MQTT_SHARED_GROUP', () => {
  it('makes several services members of one group, each of which is ready and answers', async () => {
    const broker = await Mosquitto.start({
      users: ['alice', 'one', 'two'],
      acl: (acl) => `${acl}\nuser one\ntopic readwrite dh/#\nuser two\ntopic readwrite dh/#\n`,
    });
    const member = (name: string, of: Record<string, string> = {}) => {
      const { username, password } = broker.login(name);
      const login = { MQTT_USERNAME: username, MQTT_PASSWORD: password, MQTT_CLIENT_ID: name };
      return TestService.start({ MQTT_URL: broker.url, ...login, MQTT_SHARED_GROUP: 'dh', ...of });
    };
    const proxies = [await MqttProxy.start(broker.url), await MqttProxy.start(broker.url)] as const;
    const one = await member('one', { MQTT_URL: proxies[0].url });
    const two = await member('two', { MQTT_URL: proxies[1].url });
    try {
      const alice = await connectOn(broker, 'alice');
      await Promise.all(Array.from({ length: 100 }, () => alice.request('command/get')));
      const replies = proxies.map(
        ({ packets }) =>
          packets.filter(
            ({ direction, packet }) =>
              direction === 'toBroker' && packet.cmd === 'publish' && packet.topic.endsWith('@alice'),
          ).length,
      );
      expect(Math.min(...replies)).toBeGreaterThan(0);
      expect(replies[0]! + replies[1]!).toBe(100);
      // Whoever sends a probe gets its nonce back, but nothing that is larger than one.
      const probe = JSON.stringify({ action: PROBE_ACTION, nonce: 'x'.repeat(65) });
      await alice.mqtt.publishAsync('dh/request/alice', probe, { qos: 1 });
      const answers = () =>
        proxies.flatMap(({ packets }) =>
          packets.flatMap(({ direction, packet }) =>
            direction === 'toBroker' &&
            packet.cmd === 'publish' &&
            packet.topic.endsWith(`${PROBE_ACTION}@alice`)
              ? [String(packet.payload)]
              : [],
          ),
        );
      await expect.poll(answers).toEqual([expect.stringContaining('"status":"error"')]);
      await alice.end();
    } finally {
      await one.stop();
      await two.stop();
      for (const proxy of proxies) await proxy.stop();
      await broker.stop();
    }
  });
});
