import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { serviceOn } from '../support/on-mosquitto.js';
import { MqttProxy } from '../support/proxy.js';
import { wasHit } from './ledger/ledger.js';
import { onMosquitto } from './ledger/site.js';
import { endsWell, hasAnswered, isLong, momentsIn, Scene, survivorOf } from './scene.js';

const KILLS = isLong ? 10 : 1;
const AWAY_MS = isLong ? 30_000 : 3_000;

const scene = Scene.ofEachTest();

describe('the broker', () => {
  it('may be restarted in the middle of a load', async () => {
    const broker = await scene.mosquitto();
    const service = await scene.serviceOn(broker);
    const run = await scene.run(onMosquitto(broker));
    const survivor = await survivorOf(service, run);
    const before = run.answered;
    const sending = run.send(2_000);
    for (const answered of [300, 900]) {
      await hasAnswered(run, before + answered);
      await run.during(() => broker.restart());
    }
    await sending;
    await endsWell(run, { survivor });
  }, 60_000);

  it.each([
    ['and what it has saved', (conf: string) => conf],
    ['and everything', (conf: string) => conf.replace(/^persistence .*$/m, 'persistence false')],
  ])(
    `may be killed %s be lost, ${KILLS} times: whoever asks again gets an answer`,
    async (_, edit) => {
      const broker = await scene.mosquitto(edit);
      const service = await scene.serviceOn(broker);
      const run = await scene.run(onMosquitto(broker), { patienceMs: 2_000 });
      const survivor = await survivorOf(service, run);
      const before = run.answered;
      const sending = run.send(KILLS * 600);
      for (const answered of momentsIn(KILLS * 600, KILLS)) {
        await hasAnswered(run, before + answered);
        await run.during(async () => {
          await broker.kill();
          await broker.startAgain();
        });
      }
      await sending;
      await endsWell(run, { survivor, mayBeLost: (request) => wasHit(run.ledger, request) });
    },
    300_000,
  );

  it(`may come up ${AWAY_MS / 1_000} s after the service`, async () => {
    const broker = await scene.mosquitto();
    await broker.kill();
    const service = scene.launch({ env: serviceOn(broker) });
    await delay(AWAY_MS);
    expect(service.isRunning).toBe(true);
    await broker.startAgain();
    await service.ready();
    const run = await scene.run(onMosquitto(broker));
    await run.send(200);
    await endsWell(run);
  }, 120_000);
});

describe('the connection to the broker', () => {
  it('may be cut again and again in the middle of a load', async () => {
    const broker = await scene.mosquitto();
    const proxy = scene.keep(await MqttProxy.start(broker.url));
    const service = await scene.serviceOn(broker, proxy.url);
    const run = await scene.run(onMosquitto(broker));
    const survivor = await survivorOf(service, run);
    const before = run.answered;
    const sending = run.send(2_000);
    for (const answered of [100, 400, 700, 1_000, 1_300]) {
      await hasAnswered(run, before + answered);
      await run.during(() => Promise.resolve(proxy.cut()));
    }
    await sending;
    await endsWell(run, { survivor });
  }, 60_000);
});
