import { expect, it } from 'vitest';
import { freePort } from '../support/mosquitto.js';
import { SAMPLE_DEVICE } from '../support/service.js';
import { answeredAt } from './ledger/ledger.js';
import { onBuiltIn } from './ledger/site.js';
import { endsWell, isLong, Scene, survivorOf } from './scene.js';

/** p99; the promise is 1 s, on a machine that has nothing else to do. */
const QUIET_MS = isLong ? 1_000 : 5_000;
const FLOOD = isLong ? 50_000 : 5_000;
const FEW = 100;

const scene = Scene.ofEachTest();

it('a client that sends all it has at once holds up nobody who sends one request after the other', async () => {
  const port = await freePort();
  const service = await scene.service({ env: { MQTT_PORT: String(port) } });
  const run = await scene.run(onBuiltIn(port));
  const survivor = await survivorOf(service, run);
  const [flooder] = await run.connect(['flooder'], { inFlight: 5_000 });
  const [quiet] = await run.connect(['quiet'], { inFlight: 1 });
  const over = new AbortController();
  const flood = async () => {
    for (let i = 0; i < FLOOD; i++) await flooder!.update(SAMPLE_DEVICE, run.commandIds[i % 16]!, ['status']);
  };
  const flooding = flood().finally(() => over.abort());
  const alone = [];
  while (!over.signal.aborted || alone.length < FEW) {
    alone.push(await quiet!.update(SAMPLE_DEVICE, run.commandIds[0]!, ['result']));
  }
  await flooding;
  await endsWell(run, { survivor });
  const times = alone.map((request) => answeredAt(request) - request.sentAt).toSorted((a, b) => a - b);
  const p99 = times[Math.floor(times.length * 0.99)]!;
  console.log(`${alone.length} requests beside a flood of ${FLOOD}: p99 ${p99.toFixed(1)} ms`);
  expect(p99).toBeLessThan(QUIET_MS);
}, 120_000);
