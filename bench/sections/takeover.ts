import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome } from '../generator/job.js';
import { createDatabase } from '../support/database.js';
import { takeTurn } from '../support/turn.js';
import { startMosquitto } from '../support/mosquitto.js';
import { startService, type Subject } from '../support/subjects.js';
import { number, table, troubles } from '../support/table.js';
import type { Run, SectionOfRun } from './section.js';

const SIZE = { rows: 100_000, perDevice: 1_000 };
const IN_FLIGHT = 64;
/** The load's length, and when the active replica is killed in it. */
const LOAD_SECONDS = 4;
const KILL_SECONDS = 1.5;
const START_SECONDS = 2;

/** Two replicas on one Mosquitto: the active one is killed under load, and the standby takes over. */
export const takeover: SectionOfRun = {
  seconds: ({ takeovers }) => START_SECONDS + takeovers * (LOAD_SECONDS + START_SECONDS),

  async run(run, cleanup) {
    const { progress, options } = run;
    progress.step('takeover: starting the active replica', START_SECONDS);
    const database = await createDatabase(cleanup, SIZE);
    const broker = await startMosquitto(cleanup);
    let active = await startService(cleanup, database, broker);
    const lines: string[][] = [];
    for (let i = 1; i <= options.takeovers; i++) {
      progress.step(`takeover: ${i} of ${options.takeovers}`, LOAD_SECONDS + START_SECONDS);
      const standby = await startService(cleanup, database, broker);
      const { milliseconds, outcome } = await killUnderLoad(run, active);
      const { successes, errors, unanswered } = outcome;
      lines.push([`${i}`, number(milliseconds), number(successes), troubles(errors, unanswered)]);
      active = standby;
    }
    const header = ['takeover', 'ms to the first success', 'answered with success', 'errors'];
    const text = `\`kill -9\` of the active replica with ${IN_FLIGHT} requests in flight. The time ends at the success of a request that was sent after the kill.`;
    return ['## Takeover by a standby', text, table(header, lines)].join('\n\n');
  },
};

async function killUnderLoad(
  { generator, token }: Run,
  active: Subject,
): Promise<{ milliseconds: number; outcome: Outcome }> {
  const job = { action: 'command/update', inFlight: IN_FLIGHT, seconds: LOAD_SECONDS } as const;
  const load = takeTurn(generator, active, { token, ...SIZE }, job);
  // It may fail while nobody waits for it yet.
  load.catch(() => undefined);
  await delay(KILL_SECONDS * 1_000);
  const killedAt = performance.now();
  await active.process.kill();
  await generator.probe();
  return { milliseconds: performance.now() - killedAt, outcome: await load };
}
