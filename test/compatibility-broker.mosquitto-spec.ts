import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { refuses } from './support/compatibility.js';
import { Mosquitto } from './support/mosquitto.js';
import { connectOn, serviceOn } from './support/on-mosquitto.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let broker: Mosquitto;
let service: TestService;
let alice: TestClient;

beforeAll(async () => {
  broker = await Mosquitto.start({
    users: ['alice'],
    edit: (conf) => conf.replace(/^max_packet_size.*$/m, 'max_packet_size 4000'),
  });
  service = await TestService.start(serviceOn(broker));
  alice = await connectOn(broker, 'alice', { protocolVersion: 5 });
});
afterAll(async () => {
  await alice?.end();
  await service?.stop();
  await broker?.stop();
});

const ask = (action: string, body: object = {}, qos: 0 | 1 = 1) =>
  alice.request(action, { token: signToken(), deviceId: SAMPLE_DEVICE, ...body }, qos);

describe('Errors', () => {
  refuses('400 `Response Topic must be below dh/response/ and end in @ and the own client id`', async () => {
    const request = {
      action: 'device/get',
      requestId: 'to-bob',
      token: signToken(),
      deviceId: SAMPLE_DEVICE,
    };
    const properties = { responseTopic: 'dh/response/device/get@bob' };
    await alice.mqtt.publishAsync('dh/request/alice', JSON.stringify(request), { qos: 1, properties });
    return [(await alice.next(({ json }) => json.requestId === 'to-bob')).json];
  });

  refuses('413 `Reply is larger than the broker takes`', async () => {
    const commandId = await service.insertCommand();
    await service.sql(`UPDATE device_command SET status = repeat('x', 4000) WHERE id = $1`, [commandId]);
    return [await ask('command/get', { commandId })];
  });

  refuses('501 `Sessions need the built-in broker: send the token along in each request`', async () => [
    await ask('authenticate'),
  ]);

  refuses(
    '501 `<kind>/subscribe needs the built-in broker: SUBSCRIBE to dh/<kind>/<network>/<device type>/<device>/<name>`',
    async () => [await ask('command/subscribe'), await ask('notification/subscribe')],
  );

  refuses('503 `Too many login attempts, try again later`', async () => {
    const login = { login: 'nobody', password: 'wrong' };
    // One failure is forgiven every 3 s: the seventh on a fast machine, a later one where each takes a second.
    let reply = await ask('token', login);
    while (reply.code === 401) reply = await ask('token', login);
    return [reply];
  });

  it('503 `Service is stopping, try again`', async () => {
    const own = await Mosquitto.start({ users: ['bob'] });
    const stopping = await TestService.start(serviceOn(own));
    const bob = await connectOn(own, 'bob');
    const body = { token: signToken(), deviceId: SAMPLE_DEVICE, commandId: await stopping.insertCommand() };
    const { unlock } = await stopping.lock(body.commandId);
    const waiting = bob.request('command/update', { ...body, command: {} });
    await bob.request('device/get', body);
    const stopped = stopping.stop();
    const refusal = { status: 'error', code: 503, error: 'Service is stopping, try again' };
    await expect.poll(() => bob.request('device/get', body, 0), { timeout: 5_000 }).toMatchObject(refusal);
    expect(bob.messages.at(-1)!.topic).toBe('dh/response/device/get@bob');
    await unlock();
    expect(await waiting).toMatchObject({ status: 'success' });
    await stopped;
    await bob.end();
    await own.stop();
  });
});
