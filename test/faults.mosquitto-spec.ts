import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { now } from './support/ledger.js';
import { LedgerRun } from './support/ledger-run.js';
import { letWatch, Mosquitto } from './support/mosquitto.js';
import { serviceOn } from './support/on-mosquitto.js';
import { processesOfEachTest, type ServiceProcess } from './support/process.js';
import { MqttProxy } from './support/proxy.js';

const NAMES = ['client-1', 'client-2', 'client-3', 'client-4'];
const PAUSE_MS = 20_000;

const { environment, start } = processesOfEachTest();
let broker: Mosquitto;
let run: LedgerRun | undefined;

beforeEach(async () => {
  broker = await startBroker();
});
afterEach(async () => {
  await run?.end();
  run = undefined;
  await broker.stop();
});

/** @param inflight replaces that line of the deployed configuration */
function startBroker(inflight?: string): Promise<Mosquitto> {
  return Mosquitto.start({
    users: [...NAMES, 'watcher'],
    acl: letWatch('watcher'),
    edit: (conf) => (inflight ? conf.replace(/^max_inflight_messages.*$/m, inflight) : conf),
  });
}

async function startService(url = broker.url): Promise<ServiceProcess> {
  const service = start({ ...environment().env, ...serviceOn(broker, url) });
  await service.ready();
  return service;
}

/** Ledger clients that have requests in flight; `sending` resolves when the last one is on its way. */
async function startLoad(count: number): Promise<{ sending: Promise<void>; load: LedgerRun }> {
  const { DATABASE_URL } = environment().env;
  run = await LedgerRun.start(broker, DATABASE_URL!, NAMES, 'watcher');
  return { sending: run.send(count), load: run };
}

async function hasAnswered(load: LedgerRun, count: number): Promise<void> {
  await expect.poll(() => load.answered, { timeout: 20_000, interval: 5 }).toBeGreaterThan(count);
}
const role = async (service: ServiceProcess): Promise<unknown> => {
  const url = /ready \S+ (http:[^\s"]+)/.exec(service.output)![1]!;
  const response = await fetch(`${url}/health/ready`).catch(() => undefined);
  const health = (await response?.json()) as { details?: { broker?: { role?: string } } } | undefined;
  return health?.details?.broker?.role;
};
async function hasRole(service: ServiceProcess, expected: string): Promise<void> {
  await expect.poll(() => role(service), { timeout: 10_000, interval: 50 }).toBe(expected);
}
const refusals = ({ ledger }: LedgerRun) =>
  ledger.requests.flatMap(({ answers }) => answers.filter(({ status }) => status !== 'success'));

describe('kill -9 of the service', () => {
  it('in the middle of 2,000 requests: after a restart each is applied, and none that was answered is missing', async () => {
    const service = await startService();
    const { sending, load } = await startLoad(2_000);
    await hasAnswered(load, 500);
    service.kill('SIGKILL');
    await service.exit();
    expect(load.answered).toBeLessThan(2_000);
    await startService();
    const faultEndedAt = now();
    await sending;
    expect(await load.check({ faultEndedAt })).toEqual([]);
    expect(refusals(load)).toEqual([]);
  }, 60_000);

  it('again and again, on a broker that takes little at a time: each request is answered', async () => {
    await broker.stop();
    broker = await startBroker('max_inflight_messages 20');
    let service = await startService();
    const { sending, load } = await startLoad(2_000);
    for (const answered of [300, 800, 1_300]) {
      await hasAnswered(load, answered);
      service.kill('SIGKILL');
      await service.exit();
      service = await startService();
    }
    const faultEndedAt = now();
    await sending;
    expect(await load.check({ faultEndedAt })).toEqual([]);
    expect(refusals(load)).toEqual([]);
  }, 60_000);
});

describe('of two replicas', () => {
  it('the second answers within 5 s when the active one is killed', async () => {
    const active = await startService();
    const standby = await startService();
    expect(standby.output).toContain('as a standby');
    await hasRole(standby, 'standby');
    const { sending, load } = await startLoad(2_000);
    await hasAnswered(load, 500);
    active.kill('SIGKILL');
    const faultEndedAt = now();
    await hasRole(standby, 'active');
    expect(now() - faultEndedAt).toBeLessThan(5_000);
    await sending;
    expect(await load.check({ faultEndedAt })).toEqual([]);
    expect(refusals(load)).toEqual([]);
  }, 60_000);

  it('the second takes over from one that is paused for 20 s, whose late work changes nothing', async () => {
    const active = await startService();
    const standby = await startService();
    const { sending, load } = await startLoad(2_000);
    await hasAnswered(load, 500);
    active.kill('SIGSTOP');
    const pausedAt = now();
    await hasRole(standby, 'active');
    expect(now() - pausedAt).toBeLessThan(5_000);
    await sending;
    expect(await load.check({ faultEndedAt: pausedAt })).toEqual([]);
    await expect
      .poll(() => now() - pausedAt, { timeout: PAUSE_MS + 1_000, interval: 500 })
      .toBeGreaterThan(PAUSE_MS);
    active.kill('SIGCONT');
    const resumed = load.send(500);
    await hasRole(active, 'standby');
    expect(await role(standby)).toBe('active');
    await resumed;
    expect(await load.check({ faultEndedAt: now() })).toEqual([]);
    expect(refusals(load)).toEqual([]);
  }, 90_000);

  it('each may be ended in turn under load: no error reaches a client', async () => {
    const services = [await startService(), await startService()];
    const { sending, load } = await startLoad(3_000);
    for (const answered of [500, 1_000, 1_500]) {
      await hasAnswered(load, answered);
      const active = services.shift()!;
      active.kill('SIGTERM');
      expect(await active.exit()).toBe(0);
      await hasRole(services[0]!, 'active');
      services.push(await startService());
    }
    await sending;
    expect(await load.check({ faultEndedAt: now() })).toEqual([]);
    expect(refusals(load)).toEqual([]);
  }, 90_000);
});

describe('a service that is ended', () => {
  it('lets out all events, acknowledgements and answers of what it has done, also to a slow broker', async () => {
    await broker.stop();
    broker = await startBroker('max_inflight_messages 20');
    const proxy = await MqttProxy.start(broker.url);
    proxy.latencyMs = 15;
    try {
      const service = await startService(proxy.url);
      const { sending, load } = await startLoad(2_000);
      await hasAnswered(load, 300);
      service.kill('SIGTERM');
      expect(await service.exit()).toBe(0);
      expect(service.output).not.toMatch(/refuses|Maximum call stack/);
      await startService();
      const faultEndedAt = now();
      await sending;
      expect(await load.check({ faultEndedAt })).toEqual([]);
      expect(refusals(load)).toEqual([]);
      const told = new Set(load.ledger.events.map(({ status }) => status));
      expect(load.ledger.requests.filter(({ value }) => !told.has(value))).toEqual([]);
    } finally {
      await proxy.stop();
    }
  }, 90_000);

  it('gives way to a replica that reaches the broker, when it does not itself', async () => {
    const { env } = environment();
    const lost = start({ ...env, ...serviceOn(broker), MQTT_PASSWORD: 'wrong' });
    await expect.poll(() => lost.output, { timeout: 10_000 }).toContain('Leads, epoch 1');
    const other = start({ ...env, ...serviceOn(broker) });
    await other.ready();
    await hasRole(other, 'standby');
    await expect.poll(() => role(other), { timeout: 30_000, interval: 200 }).toBe('active');
  }, 60_000);
});

describe('the broker', () => {
  it('may be restarted in the middle of a load', async () => {
    await startService();
    const { sending, load } = await startLoad(2_000);
    for (const answered of [300, 900]) {
      await hasAnswered(load, answered);
      await broker.restart();
    }
    const faultEndedAt = now();
    await sending;
    expect(await load.check({ faultEndedAt })).toEqual([]);
    expect(refusals(load)).toEqual([]);
  }, 60_000);
});

describe('the connection to the broker', () => {
  it('may be cut again and again in the middle of a load', async () => {
    const proxy = await MqttProxy.start(broker.url);
    try {
      await startService(proxy.url);
      const { sending, load } = await startLoad(2_000);
      for (const answered of [100, 400, 700, 1_000, 1_300]) {
        await hasAnswered(load, answered);
        proxy.cut();
      }
      const faultEndedAt = now();
      await sending;
      expect(await load.check({ faultEndedAt })).toEqual([]);
      expect(refusals(load)).toEqual([]);
    } finally {
      await proxy.stop();
    }
  }, 60_000);
});
