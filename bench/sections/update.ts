import type { Options } from '../options.js';
import type { Cleanup } from '../support/cleanup.js';
import { createDatabase } from '../support/database.js';
import { type Measured, roundsSeconds, takeRounds, turnSeconds, warmUp } from '../support/rounds.js';
import { summarize } from '../support/summary.js';
import { OVERHEAD_SECONDS, takeTurn } from '../support/turn.js';
import { startMosquitto } from '../support/mosquitto.js';
import { startEcho, startService, startTextbook, type Subject } from '../support/subjects.js';
import type { Run, SectionOfRun } from './section.js';
import { reportUpdates } from './update-report.js';

const SIZE = { rows: 100_000, perDevice: 1_000 };
const IN_FLIGHT = [1, 64, 512];
const SUBJECTS = 4;
const START_SECONDS = 10;
const CEILING_SECONDS = 1;

/** `command/update` of four subjects in turn, so that what else the machine does falls on all of them. */
export const update: SectionOfRun = {
  seconds: (options: Options) =>
    START_SECONDS +
    SUBJECTS * turnSeconds(options.warmUpSeconds) +
    IN_FLIGHT.length * (CEILING_SECONDS + OVERHEAD_SECONDS) +
    roundsSeconds(options, SUBJECTS * IN_FLIGHT.length),

  async run(run, cleanup) {
    run.progress.step('update: starting four subjects', START_SECONDS);
    const subjects = await startSubjects(cleanup);
    const load = { token: run.token, ...SIZE };
    const measured: Measured[] = [];
    for (const subject of subjects) await warmUp(run, 'update', subject, load);
    for (const inFlight of IN_FLIGHT) measured.push(await ceiling(run, subjects[0]!, inFlight));
    const contenders = IN_FLIGHT.flatMap((inFlight) =>
      subjects.map((subject) => ({
        name: subject.name,
        subject,
        load,
        job: { action: 'command/update' as const, inFlight },
      })),
    );
    measured.push(...(await takeRounds(run, 'update', contenders)));
    return reportUpdates(subjects, measured);
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
