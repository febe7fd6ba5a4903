import { setTimeout as delay } from 'node:timers/promises';
import { SAMPLE } from '../../src/seed.js';
import { createDatabase } from '../support/database.js';
import { rateTable, ratioTable } from '../support/rates.js';
import { roundsSeconds, takeRounds, turnSeconds, warmUp } from '../support/rounds.js';
import { startEmbedded, startService, type Subject } from '../support/subjects.js';
import { number, table } from '../support/table.js';
import { takeTurn } from '../support/turn.js';
import type { Run, SectionOfRun } from './section.js';

/** Of one device, on either database. */
const SIZE = { rows: 1_000, perDevice: 1_000 };
const IN_FLIGHT = [1, 64];
const START_SECONDS = 10;
const REST_SECONDS = 30;
const FILL_SECONDS = 3;
const SUBJECTS = 2;

/** The service as it is without any variables, beside the one on PostgreSQL: rate and memory. */
export const embedded: SectionOfRun = {
  seconds: (options) =>
    START_SECONDS +
    REST_SECONDS +
    FILL_SECONDS +
    SUBJECTS * turnSeconds(options.warmUpSeconds) +
    roundsSeconds(options, SUBJECTS * IN_FLIGHT.length),

  async run(run, cleanup) {
    const { progress, token } = run;
    progress.step('embedded: starting both services', START_SECONDS);
    const onServer = await startService(cleanup, await createDatabase(cleanup, SIZE));
    const subject = await startEmbedded(cleanup);
    progress.step(`embedded: resting for ${REST_SECONDS} s`, REST_SECONDS);
    const atReady = [subject, onServer].map(residentMegabytes);
    await delay(REST_SECONDS * 1_000);
    const rested = [subject, onServer].map(residentMegabytes);
    const load = { token, ...SIZE };
    const onSample = { members: { deviceId: SAMPLE.deviceId } };
    await insertCommands(run, subject, onSample);
    await warmUp(run, 'embedded', onServer, load);
    await warmUp(run, 'embedded', subject, load, onSample);
    const contenders = IN_FLIGHT.flatMap((inFlight) => {
      const job = { action: 'command/update', inFlight } as const;
      return [
        { name: 'embedded database', subject, load, job: { ...job, ...onSample } },
        { name: 'PostgreSQL', subject: onServer, load, job },
      ];
    });
    const measured = await takeRounds(run, 'embedded', contenders);
    const after = [subject, onServer].map(residentMegabytes);
    const memory = ['embedded database', 'PostgreSQL'].map((name, i) => {
      const { process } = [subject, onServer][i]!;
      const values = [atReady[i], rested[i], after[i], process.peakMegabytes()];
      return [name, ...values.map((value) => number(value))];
    });
    const header = ['resident MB', 'when ready', `after ${REST_SECONDS} s of rest`, 'after the load', 'peak'];
    return [
      `## The embedded database`,
      `\`command/update\` of ${number(SIZE.rows)} commands of one device on the built-in broker, and the memory of the service's process, which the embedded database is in.`,
      rateTable(measured, 'on', 'updates/s'),
      ratioTable(measured, 'updates/s', [['embedded database', 'PostgreSQL']]),
      table(header, memory),
    ].join('\n\n');
  },
};

const residentMegabytes = ({ process }: Subject) => process.residentMegabytes();

/** By requests, since nobody else can connect to the embedded database. @throws if one of them fails */
async function insertCommands(
  { generator, progress, token }: Run,
  subject: Subject,
  onSample: { members: object },
): Promise<void> {
  progress.step(`embedded: inserting ${number(SIZE.rows)} commands`, FILL_SECONDS);
  const job = { action: 'command/insert', inFlight: 64, seconds: 60, ...onSample } as const;
  const turn = await takeTurn(generator, subject, { token, ...SIZE }, { ...job, requests: SIZE.rows });
  if (turn.done < SIZE.rows)
    throw new Error(`Only ${turn.done} commands are inserted: ${JSON.stringify(turn.errors)}`);
}
