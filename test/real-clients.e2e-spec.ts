import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import mqtt5 from 'mqtt';
import mqtt4 from 'mqtt4';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { RawClient } from './support/raw-client.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
let application: TestClient;
const children: ChildProcess[] = [];

beforeAll(async () => {
  service = await TestService.start();
  application = await service.connectAdmin();
  await application.subscribe(`dh/command_update/+/+/${SAMPLE_DEVICE}/#`);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => service?.stop());

async function insert(command: string): Promise<number> {
  const reply = await application.request('command/insert', {
    deviceId: SAMPLE_DEVICE,
    command: { command },
  });
  return reply.command.id as number;
}

/** What the application sees of a command that the device has carried out. */
async function hasResult(id: number, result: object): Promise<void> {
  const { json } = await application.next(
    ({ topic, json }) => topic.startsWith('dh/command_update/') && json.command.id === id,
  );
  expect(json.command).toMatchObject({ status: 'done', result });
  const { command } = await application.request('command/get', { deviceId: SAMPLE_DEVICE, commandId: id });
  expect(command).toMatchObject({ status: 'done', result });
}

function has(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch (error) {
    const { code, status } = error as { code?: string; status?: number };
    return code !== 'ENOENT' && !(command.includes('python') && status !== 0);
  }
}

/** A program whose output is read as it comes. */
function run(command: string, args: string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  const keep = (data: Buffer) => (output += data.toString());
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = once(child, 'close');
  return {
    async says(text: string, times = 1): Promise<void> {
      await expect
        .poll(() => output.split(text).length - 1, { timeout: 10_000 })
        .toBeGreaterThanOrEqual(times);
    },
    hasEnded: () => child.exitCode !== null,
    async end(): Promise<string> {
      await ended;
      return output;
    },
  };
}

const address = () => {
  const { hostname, port } = new URL(service.mqttUrl);
  return [hostname, port] as const;
};

// The parts of MQTT.js that both versions have.
interface Mqtt {
  connect(url: string, options: object): MqttClient;
}
interface MqttClient {
  once(event: 'connect', listener: () => void): void;
  on(event: 'message', listener: (topic: string, payload: Buffer) => void): void;
  subscribe(
    topic: string,
    options: { qos: 1 },
    done: (error: unknown, granted: { qos: number }[]) => void,
  ): void;
  publish(topic: string, payload: string, options: { qos: 1 }): void;
  end(force: boolean): void;
}

describe('a device', () => {
  it.each<[string, Mqtt]>([
    ['MQTT.js 4.3', mqtt4 as unknown as Mqtt],
    ['MQTT.js 5', mqtt5 as unknown as Mqtt],
  ])('with %s authenticates, receives a command, updates it and reads the answer', async (name, mqtt) => {
    const clientId = name.replace(/\W/g, '-');
    const client = mqtt.connect(service.mqttUrl, { clientId });
    const replies: Record<string, any>[] = [];
    const request = (body: object) => client.publish('dh/request', JSON.stringify(body), { qos: 1 });
    const subscribed = (topic: string) =>
      new Promise<number>((resolve) =>
        client.subscribe(topic, { qos: 1 }, (_, granted) => resolve(granted[0]!.qos)),
      );
    client.on('message', (topic, payload) => {
      const body = JSON.parse(payload.toString()) as Record<string, any>;
      if (topic.startsWith('dh/response/')) replies.push(body);
      else {
        const command = { status: 'done', result: { by: name } };
        request({
          action: 'command/update',
          requestId: 2,
          deviceId: SAMPLE_DEVICE,
          commandId: body.command.id,
          command,
        });
      }
    });
    await new Promise<void>((resolve) => client.once('connect', resolve));
    expect(await subscribed(`dh/response/authenticate@${clientId}`)).toBe(1);
    expect(await subscribed(`dh/response/command/update@${clientId}`)).toBe(1);
    request({ action: 'authenticate', requestId: 1, token: signToken() });
    await expect.poll(() => replies).toEqual([{ action: 'authenticate', requestId: 1, status: 'success' }]);
    expect(await subscribed(`dh/command/+/+/${SAMPLE_DEVICE}/#`)).toBe(1);
    await hasResult(await insert('for/mqttjs'), { by: name });
    await expect
      .poll(() => replies[1])
      .toEqual({ action: 'command/update', requestId: 2, status: 'success' });
    client.end(true);
  });

  it.skipIf(!has('mosquitto_sub', '--help'))(
    "with Mosquitto's tools receives a command, updates it and reads the answer (skipped where they are missing)",
    async () => {
      const [host, port] = address();
      const login = [
        '-h',
        host,
        '-p',
        port,
        '-V',
        'mqttv311',
        '-u',
        ADMIN.username,
        '-P',
        ADMIN.password,
        '-q',
        '1',
      ];
      const filter = `dh/command/+/+/${SAMPLE_DEVICE}/#`;
      const receiver = run('mosquitto_sub', [...login, '-i', 'sub', '-t', filter, '-C', '1']);
      // It says nothing of its subscription into a pipe, so commands come until it has one.
      await expect
        .poll(() => insert('for/mosquitto').then(receiver.hasEnded), { timeout: 10_000 })
        .toBe(true);
      const { id } = (JSON.parse(await receiver.end()) as { command: { id: number } }).command;
      const update = (by: string) =>
        JSON.stringify({
          action: 'command/update',
          token: signToken(),
          deviceId: SAMPLE_DEVICE,
          commandId: id,
          command: { status: 'done', result: { by } },
        });
      await run('mosquitto_pub', [...login, '-i', 'pub', '-t', 'dh/request', '-m', update('pub')]).end();
      await hasResult(id, { by: 'pub' });
      const answer = ['-e', 'dh/response/command/update@rr', '-t', 'dh/request', '-m', update('rr')];
      const reply = await run('mosquitto_rr', [...login, '-i', 'rr', ...answer]).end();
      expect(JSON.parse(reply)).toEqual({ action: 'command/update', requestId: null, status: 'success' });
    },
  );

  it.skipIf(!has('/usr/bin/python3', '-c', 'import paho.mqtt.client'))(
    'with paho-mqtt authenticates, receives a command, updates it and reads the answer (skipped where it is missing)',
    async () => {
      const script = join(import.meta.dirname, 'fixtures/paho-device.py');
      const device = run('/usr/bin/python3', [script, ...address(), 'paho', signToken(), SAMPLE_DEVICE]);
      await device.says('"status":"success"');
      // The third SUBACK is that of the filter for commands.
      await device.says('granted', 3);
      await hasResult(await insert('for/paho'), { by: 'paho' });
      expect(await device.end()).toContain(
        'dh/response/command/update@paho {"action":"command/update","requestId":"command/update","status":"success"}',
      );
    },
  );
});

describe('a device with PubSubClient', () => {
  const BUFFER_BYTES = 401;
  /** It publishes its whole buffer, and gives no requestId. */
  const padded = (body: object) => JSON.stringify(body).padEnd(BUFFER_BYTES, '\0');

  it('is served after each connect under the same client id, without requestId and with padding', async () => {
    for (const round of [1, 2, 3]) {
      const device = await RawClient.connect(service.mqttUrl, {
        clientId: 'esp8266',
        clean: true,
        keepalive: 15,
      });
      await device.subscribe('dh/response/authenticate@esp8266', 0);
      await device.subscribe('dh/response/command/update@esp8266', 0);
      device.publish(padded({ action: 'authenticate', token: signToken() }));
      const isReplyTo = (action: string) => (packet: { topic: string }) =>
        packet.topic.startsWith(`dh/response/${action}@`);
      const authenticated = await device.packet('publish', isReplyTo('authenticate'));
      expect(JSON.parse(String(authenticated.payload))).toEqual({
        action: 'authenticate',
        requestId: null,
        status: 'success',
      });
      await device.subscribe(`dh/command/+/+/${SAMPLE_DEVICE}/#`, 1);
      const id = await insert('for/esp8266');
      const event = await device.packet('publish', ({ topic }) => topic.startsWith('dh/command/'));
      expect(JSON.parse(String(event.payload)).command.id).toBe(id);
      const command = { status: 'done', result: { round } };
      device.publish(padded({ action: 'command/update', deviceId: SAMPLE_DEVICE, commandId: id, command }));
      const updated = await device.packet('publish', isReplyTo('command/update'));
      expect(JSON.parse(String(updated.payload))).toEqual({
        action: 'command/update',
        requestId: null,
        status: 'success',
      });
      await hasResult(id, { round });
      device.end();
    }
  });
});
