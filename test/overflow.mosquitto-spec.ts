import { connectAsync } from 'mqtt';
import { expect, it } from 'vitest';
import { Mosquitto } from './support/mosquitto.js';
import { connectOn, serviceOn } from './support/on-mosquitto.js';
import { MqttProxy } from './support/proxy.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

/** Mosquitto sends ten times as many as it may at once, and the service passes over what is too much. */
const WAITING = 900;
/** Messages of the service that may wait for the broker while QoS 0 requests are still executed, and one more. */
const CONGESTED = 1_025;
const PASSED_OVER = ['late', 'later', 'last'];

function withLimits(limits: Record<string, number>): (config: string) => string {
  return (config) =>
    Object.entries(limits).reduce(
      (text, [name, value]) => `${text.replace(new RegExp(`^${name} .*$`, 'm'), '')}\n${name} ${value}\n`,
      config,
    );
}

it('requests that wait at the broker are all executed, though more come than are taken, and few replies may leave: no trouble is told of', async () => {
  const broker = await Mosquitto.start({
    users: ['alice'],
    edit: withLimits({ max_inflight_messages: 3, max_queued_messages: 10_000 }),
  });
  try {
    const env = { ...serviceOn(broker), MAX_IN_FLIGHT: '8' };
    // Its session is there from now on.
    await (await TestService.start(env)).stop();
    const alice = await connectAsync(broker.url, { ...broker.login('alice'), clientId: 'alice' });
    const insert = (requestId: number) =>
      JSON.stringify({
        action: 'command/insert',
        requestId,
        token: signToken(),
        deviceId: SAMPLE_DEVICE,
        command: { command: 'led/on' },
      });
    const sent = Array.from({ length: WAITING }, (_, i) =>
      alice.publishAsync('dh/request/alice', insert(i), { qos: 1 }),
    );
    await Promise.all(sent);
    await alice.endAsync();
    const service = await TestService.start(env);
    try {
      const count = async () => (await service.sql('SELECT FROM device_command')).length;
      await expect.poll(count, { timeout: 60_000, interval: 100 }).toBe(WAITING);
      // It leaves the broker each time that it has done what it took, for which nobody else is blamed, and is soon back.
      const said = (text: string) => service.logger.lines.filter((line) => line.includes(text));
      expect(said('Connected to').length).toBeGreaterThan(3);
      expect(said(broker.url)).toEqual(said('Connected to'));
      expect(service.mqtt.options.reconnectPeriod).toBeLessThanOrEqual(500);
    } finally {
      await service.stop();
    }
  } finally {
    await broker.stop();
  }
});

it('QoS 0 requests that come while too many messages wait for the broker are counted in one line of the log, and neither executed nor answered', async () => {
  // The broker takes no second message from the service before it has acknowledged the first one.
  const broker = await Mosquitto.start({
    users: ['alice'],
    edit: withLimits({ max_inflight_messages: 1 }),
  });
  const proxy = await MqttProxy.start(broker.url);
  const service = await TestService.start(serviceOn(broker, proxy.url));
  try {
    const alice = await connectOn(broker, 'alice');
    const lines = () => service.logger.lines.filter((line) => line.includes('QoS 0 requests'));
    proxy.drop = (direction, packet) => direction === 'toClient' && packet.cmd === 'puback';
    await alice.request('command/get');
    const body = { token: signToken(), deviceId: SAMPLE_DEVICE, command: { command: 'led/on' } };
    for (let requestId = 1; requestId <= CONGESTED; requestId++) {
      alice.mqtt.publish('dh/request/alice', JSON.stringify({ action: 'command/get', requestId }));
    }
    // It comes behind them: once it is executed, their refusals wait for the broker.
    const marker = { action: 'command/insert', requestId: 'marker', ...body };
    alice.mqtt.publish('dh/request/alice', JSON.stringify(marker), { qos: 1 });
    const rows = () => service.sql('SELECT FROM device_command');
    await expect.poll(rows, { timeout: 20_000 }).toHaveLength(1);
    for (const requestId of PASSED_OVER) {
      const request = { action: 'command/insert', requestId, ...body };
      alice.mqtt.publish('dh/request/alice', JSON.stringify(request));
    }
    await expect.poll(lines, { timeout: 10_000 }).toHaveLength(1);
    expect(lines()[0]).toContain(
      '1 QoS 0 requests were neither executed nor answered: too many messages wait for the broker',
    );
    // QoS 1 requests are as ever.
    const inserted = alice.request('command/insert', body);

    proxy.drop = () => false;
    proxy.cut();
    expect(await inserted).toMatchObject({ status: 'success' });
    const answered = alice.messages.map(({ json }) => json.requestId as unknown);
    const numbers = Array.from({ length: CONGESTED }, (_, i) => i + 1);
    expect(answered.filter((requestId) => typeof requestId === 'number')).toEqual(numbers);
    for (const requestId of PASSED_OVER) expect(answered).not.toContain(requestId);
    expect(await rows()).toHaveLength(2);
    expect(lines()).toHaveLength(1);
    expect(await alice.request('command/insert', body, 0)).toMatchObject({ status: 'success' });
    await alice.end();
  } finally {
    await service.stop();
    await proxy.stop();
    await broker.stop();
  }
});
