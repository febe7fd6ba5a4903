import type { Options } from '../options.js';
import type { Cleanup } from '../support/cleanup.js';
import { createDatabase } from '../support/database.js';
import { summarize } from '../support/summary.js';
import { OVERHEAD_SECONDS, RAMP_SECONDS, takeTurn, type Turn } from '../support/turn.js';
import { startMosquitto } from '../support/mosquitto.js';
import { startEcho, startService, startTextbook, type Subject } from '../support/subjects.js';
import type { Run, SectionOfRun } from './section.js';
import { otherActions } from './update-others.js';
import { type Measured, reportUpdates } from './update-report.js';

const SIZE = { rows: 100_000, perDevice: 1_000 };
export const IN_FLIGHT = [1, 64, 512];
const SUBJECTS = 4;
const START_SECONDS = 10;
const CEILING_SECONDS = 1;

const turnSeconds = (options: Options) => options.seconds + RAMP_SECONDS + OVERHEAD_SECONDS;

/** `command/update` of four subjects in turn, so that what else the machine does falls on all of them. */
export const update: SectionOfRun = {
  seconds: (options) =>
    START_SECONDS +
    SUBJECTS * (options.warmUpSeconds + OVERHEAD_SECONDS) +
    IN_FLIGHT.length * (CEILING_SECONDS + OVERHEAD_SECONDS) +
    (options.rounds * SUBJECTS * IN_FLIGHT.length + 4) * turnSeconds(options),

  async run(run, cleanup) {
    run.progress.step('update: starting four subjects', START_SECONDS);
    const subjects = await startSubjects(cleanup);
    const measured: Measured[] = [];
    for (const subject of subjects) await warmUp(run, subject);
    for (const inFlight of IN_FLIGHT) measured.push(await ceiling(run, subjects[0]!, inFlight));
    measured.push(...(await allRounds(run, subjects)));
    const others = await otherActions(run, subjects.slice(2), SIZE, turnSeconds(run.options));
    return reportUpdates(subjects, measured, others);
  },
};

/** Each with a Mosquitto and a table of its own: what one leaves behind is no burden for another. */
async function startSubjects(cleanup: Cleanup): Promise<Subject[]> {
  const broker = await startMosquitto(cleanup);
  return [
    await startEcho(cleanup),
    await startTextbook(cleanup, await createDatabase(cleanup, SIZE)),
    await startService(cleanup, await createDatabase(cleanup, SIZE), broker),
    await startService(cleanup, await createDatabase(cleanup, SIZE)),
  ];
}

async function warmUp({ generator, progress, token, options }: Run, subject: Subject): Promise<void> {
  const { warmUpSeconds: seconds } = options;
  progress.step(`update: ${subject.name} warms up`, seconds + OVERHEAD_SECONDS);
  await takeTurn(generator, subject, { token, ...SIZE }, { action: 'command/update', inFlight: 64, seconds });
}

/** What the generator can do: publishing with QoS 1 to a Mosquitto where nobody reads it. */
async function ceiling(run: Run, { url, process, broker }: Subject, inFlight: number): Promise<Measured> {
  const seconds = CEILING_SECONDS;
  const name = 'generator alone';
  run.progress.step(`update: ${name}, ${inFlight} in flight`, seconds + OVERHEAD_SECONDS);
  const load = { token: run.token, ...SIZE };
  const turn = await takeTurn(run.generator, { name, url, process, broker }, load, { inFlight, seconds });
  // The echo's process, which has nothing to do.
  turn.cpu.subject = undefined;
  return { name, inFlight, turns: [turn], summary: summarize([turn]) };
}

async function allRounds(run: Run, subjects: Subject[]): Promise<Measured[]> {
  const { options, generator, progress, token } = run;
  const turns = new Map<string, { name: string; inFlight: number; turns: Turn[] }>();
  for (let round = 1; round <= options.rounds; round++) {
    for (const inFlight of IN_FLIGHT) {
      for (const subject of subjects) {
        const { name } = subject;
        const text = `update: round ${round} of ${options.rounds}, ${inFlight} in flight, ${name}`;
        progress.step(text, turnSeconds(options));
        const job = { action: 'command/update', inFlight, seconds: options.seconds } as const;
        const turn = await takeTurn(generator, subject, { token, ...SIZE }, job);
        const key = `${inFlight} ${name}`;
        if (!turns.has(key)) turns.set(key, { name, inFlight, turns: [] });
        turns.get(key)!.turns.push(turn);
      }
    }
  }
  return [...turns.values()].map((entry) => ({ ...entry, summary: summarize(entry.turns) }));
}
