import { describe, expect, it } from 'vitest';
import type { ServiceProcess } from '../support/process.js';
import { freePort } from '../support/mosquitto.js';
import { serviceOn } from '../support/on-mosquitto.js';
import { MqttProxy } from '../support/proxy.js';
import { now } from './ledger/ledger.js';
import { onBuiltIn, onMosquitto } from './ledger/site.js';
import { endsWell, hasAnswered, isLong, momentsIn, Scene } from './scene.js';

const PAUSE_MS = isLong ? 20_000 : 5_000;
const KILLS = isLong ? 60 : 2;
const BUILT_IN_KILLS = isLong ? 60 : 2;
const FEW_IN_FLIGHT = (conf: string) =>
  conf.replace(/^max_inflight_messages.*$/m, 'max_inflight_messages 20');

if (!isLong)
  console.log(
    'Left to --mode=long: 2,000 requests that wait at the broker, a replica that does not reach it',
  );

const scene = Scene.ofEachTest();

const role = async (service: ServiceProcess): Promise<unknown> => {
  const url = /ready \S+ (http:[^\s"]+)/.exec(service.output)![1]!;
  const response = await fetch(`${url}/health/ready`).catch(() => undefined);
  const health = (await response?.json()) as { details?: { broker?: { role?: string } } } | undefined;
  return health?.details?.broker?.role;
};
async function hasRole(service: ServiceProcess, expected: string): Promise<void> {
  await expect.poll(() => role(service), { timeout: 10_000, interval: 50 }).toBe(expected);
}

describe('kill -9 of the service', () => {
  it(`${KILLS} times in the middle of requests: each is applied once, and none that was answered is missing`, async () => {
    const broker = await scene.mosquitto(FEW_IN_FLIGHT);
    let service = await scene.serviceOn(broker);
    const run = await scene.run(onMosquitto(broker));
    const sending = run.send(KILLS * 400);
    for (const answered of momentsIn(KILLS * 400, KILLS)) {
      await hasAnswered(run, answered);
      await run.during(async () => {
        service.kill('SIGKILL');
        await service.exit();
        service = await scene.serviceOn(broker);
      });
    }
    await sending;
    await endsWell(run);
    expect(service.isRunning).toBe(true);
  }, 600_000);

  it.skipIf(!isLong)(
    'while 2,000 requests wait at the broker: none is lost',
    async () => {
      const broker = await scene.mosquitto();
      const service = await scene.serviceOn(broker);
      const run = await scene.run(onMosquitto(broker), { openUntil: 'acknowledged' });
      const sending = run.send(2_000);
      await hasAnswered(run, 300);
      await run.during(async () => {
        service.kill('SIGKILL');
        await service.exit();
        await sending;
        await scene.serviceOn(broker);
      });
      await endsWell(run);
    },
    60_000,
  );

  it(`${BUILT_IN_KILLS} times, where it is its own broker: what a device had acknowledged is applied`, async () => {
    const env = { MQTT_PORT: String(await freePort()) };
    let service = await scene.service({ env });
    const run = await scene.run(onBuiltIn(Number(env.MQTT_PORT)));
    const sending = run.send(BUILT_IN_KILLS * 400);
    for (const [i, answered] of momentsIn(BUILT_IN_KILLS * 400, BUILT_IN_KILLS).entries()) {
      await hasAnswered(run, answered);
      await run.during(async () => {
        service.kill('SIGKILL');
        await service.exit();
        // After stops that it knows of requests run one at a time, for a minute; here they are to share statements, too.
        if (i % 4 < 2) scene.forgetStops();
        service = await scene.service({ env });
      });
    }
    await sending;
    await endsWell(run);
    expect(service.isRunning).toBe(true);
  }, 600_000);
});

describe('of two replicas', () => {
  it('the second answers within 5 s when the active one is killed', async () => {
    const broker = await scene.mosquitto();
    const active = await scene.serviceOn(broker);
    const standby = await scene.serviceOn(broker);
    expect(standby.output).toContain('as a standby');
    await hasRole(standby, 'standby');
    const run = await scene.run(onMosquitto(broker));
    const sending = run.send(2_000);
    await hasAnswered(run, 500);
    await run.during(() => Promise.resolve(active.kill('SIGKILL')));
    await hasRole(standby, 'active');
    await sending;
    await endsWell(run);
  }, 60_000);

  it('the second takes over from one that is paused, whose late work changes nothing', async () => {
    const broker = await scene.mosquitto();
    const active = await scene.serviceOn(broker);
    const standby = await scene.serviceOn(broker);
    const run = await scene.run(onMosquitto(broker));
    const sending = run.send(2_000);
    await hasAnswered(run, 500);
    const pausedAt = now();
    await run.during(() => Promise.resolve(active.kill('SIGSTOP')));
    await hasRole(standby, 'active');
    await sending;
    await expect
      .poll(() => now() - pausedAt, { timeout: PAUSE_MS + 1_000, interval: 500 })
      .toBeGreaterThan(PAUSE_MS);
    const resumed = run.during(async () => {
      active.kill('SIGCONT');
      await hasRole(active, 'standby');
    });
    await run.send(500);
    await resumed;
    expect(await role(standby)).toBe('active');
    await endsWell(run);
  }, 90_000);

  it('each may be ended in turn under load: no error reaches a client', async () => {
    const broker = await scene.mosquitto();
    const services = [await scene.serviceOn(broker), await scene.serviceOn(broker)];
    const run = await scene.run(onMosquitto(broker));
    const sending = run.send(2_000);
    for (const answered of [500, 1_000]) {
      await hasAnswered(run, answered);
      const active = services.shift()!;
      await run.during(async () => {
        active.kill('SIGTERM');
        expect(await active.exit()).toBe(0);
        await hasRole(services[0]!, 'active');
      });
      services.push(await scene.serviceOn(broker));
    }
    await sending;
    await endsWell(run);
  }, 90_000);
});

describe('a service that is ended', () => {
  it('lets out all events, acknowledgements and answers of what it has done, also to a slow broker', async () => {
    const broker = await scene.mosquitto(FEW_IN_FLIGHT);
    const proxy = scene.keep(await MqttProxy.start(broker.url));
    proxy.latencyMs = 15;
    const service = await scene.serviceOn(broker, proxy.url);
    const run = await scene.run(onMosquitto(broker));
    const sending = run.send(2_000);
    await hasAnswered(run, 300);
    await run.during(async () => {
      service.kill('SIGTERM');
      expect(await service.exit()).toBe(0);
      expect(service.output).not.toMatch(/refuses|Maximum call stack/);
      await scene.serviceOn(broker);
    });
    await sending;
    await endsWell(run);
    expect(run.figures).toContain(' 0 gaps');
    expect(run.figures).toContain(' 0 when asked again');
  }, 90_000);

  it.skipIf(!isLong)(
    'gives way to a replica that reaches the broker, when it does not itself',
    async () => {
      const broker = await scene.mosquitto();
      const lost = scene.launch({ env: { ...serviceOn(broker), MQTT_PASSWORD: 'wrong' } });
      await expect.poll(() => lost.output, { timeout: 10_000 }).toContain('Leads, epoch 1');
      const other = await scene.serviceOn(broker);
      await hasRole(other, 'standby');
      await expect.poll(() => role(other), { timeout: 30_000, interval: 200 }).toBe('active');
    },
    60_000,
  );
});
