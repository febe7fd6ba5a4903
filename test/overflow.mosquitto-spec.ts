import { connectAsync } from 'mqtt';
import { expect, it } from 'vitest';
import { Mosquitto } from './support/mosquitto.js';
import { serviceOn } from './support/on-mosquitto.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

/** Mosquitto sends ten times as many as it may at once, and the service passes over what is too much. */
const WAITING = 900;

it('requests that wait at the broker are all executed, though more come than are taken, and few replies may leave: no trouble is told of', async () => {
  const limits = { max_inflight_messages: 3, max_queued_messages: 10_000 };
  const edit = (config: string) =>
    Object.entries(limits).reduce(
      (text, [name, value]) => `${text.replace(new RegExp(`^${name} .*$`, 'm'), '')}\n${name} ${value}\n`,
      config,
    );
  const broker = await Mosquitto.start({ users: ['alice'], edit });
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
