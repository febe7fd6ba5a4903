import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import type { MqttClient } from 'mqtt';
import mqttPacket, { type IConnectPacket, type IDisconnectPacket } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { endClient } from '../transport/link/drain.js';
import { openBrokerClient } from './broker-client.js';

let server: Server;
let client: MqttClient;
/** all that came */
let connects: IConnectPacket[];
let disconnects: IDisconnectPacket[];
/** whether a CONNECT is answered; otherwise the connection is closed */
let answers: (connect: IConnectPacket) => boolean;

function serve(socket: Socket): void {
  const parser = mqttPacket.parser();
  parser.on('packet', (packet) => {
    if (packet.cmd === 'disconnect') disconnects.push(packet);
    if (packet.cmd !== 'connect') return;
    connects.push(packet);
    if (!answers(packet)) return void socket.end();
    const protocolVersion = packet.protocolVersion!;
    const connack = { cmd: 'connack', sessionPresent: false, returnCode: 0, reasonCode: 0 } as const;
    socket.write(mqttPacket.generate(connack, { protocolVersion }));
  });
  socket.on('data', (data) => parser.parse(data)).on('error', () => {});
}

beforeEach(async () => {
  connects = [];
  disconnects = [];
  server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  vi.spyOn(Logger.prototype, 'log').mockReturnValue();
  vi.spyOn(Logger.prototype, 'error').mockReturnValue();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await client.endAsync(true);
  server.close();
});

function open(options: object = {}): MqttClient {
  const { port } = server.address() as AddressInfo;
  const own = { url: `mqtt://127.0.0.1:${port}`, clientId: 'service', maxInFlight: 1, maxRequestBytes: 1 };
  return openBrokerClient({ ...own, ...options });
}

const connected = () => new Promise<void>((resolve) => client.once('connect', () => resolve()));
const versions = () => connects.map(({ protocolVersion }) => protocolVersion);

describe('a broker that closes on MQTT 5 without an answer', () => {
  it('is served with MQTT 3.1.1 after three attempts, and the log says so', async () => {
    const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
    answers = ({ protocolVersion }) => protocolVersion === 4;
    client = open();
    await connected();
    expect(versions()).toEqual([5, 5, 5, 4]);
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('going on with MQTT 3.1.1'));
    client.stream.destroy();
    await connected();
    expect(versions()).toEqual([5, 5, 5, 4, 4]);
  });

  it('is served with MQTT 5 if it answers that later', async () => {
    answers = ({ protocolVersion }) => protocolVersion === 5 && connects.length > 4;
    client = open();
    await connected();
    expect(versions()).toEqual([5, 5, 5, 4, 5]);
    client.stream.destroy();
    answers = () => connects.length > 6;
    await connected();
    expect(new Set(versions().slice(4))).toEqual(new Set([5]));
  });

  it('is never tried with MQTT 3.1.1 if a user property names the client', async () => {
    answers = () => connects.length > 5;
    client = open({ clientIdProperty: '$clientid' });
    await connected();
    expect(new Set(versions())).toEqual(new Set([5]));
  });
});

describe('the session on the broker', () => {
  it.each([
    ['of a service that is alone lasts 7 days, after a stop as well', {}, 604_800, undefined],
    ['of a member of a group lasts 60 s, and ends at a stop', { sharedGroup: 'g' }, 60, 0],
  ])('%s', async (_, options, seconds, atStop) => {
    answers = () => true;
    client = open(options);
    await connected();
    expect(connects[0]!.properties?.sessionExpiryInterval).toBe(seconds);
    await endClient(client);
    await expect.poll(() => disconnects.length).toBe(1);
    expect(disconnects[0]!.properties?.sessionExpiryInterval).toBe(atStop);
  });
});
