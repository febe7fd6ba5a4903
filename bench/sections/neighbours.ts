import { type Action, DEVICE, type Outcome } from '../generator/job.js';
import { createDatabase, type Database, whileLocked } from '../support/database.js';
import { Generator } from '../support/generator.js';
import { turnSeconds, warmUp } from '../support/rounds.js';
import { median } from '../support/spread.js';
import { startService, type Subject } from '../support/subjects.js';
import { troublesOf } from '../support/summary.js';
import { number, table } from '../support/table.js';
import { jobOf, takeTurn, type Turn } from '../support/turn.js';
import { BESIDE_HEADER, besideCells, UPDATER } from '../support/updater.js';
import type { Run, SectionOfRun } from './section.js';

const SIZE = { rows: 100_000, perDevice: 1_000, devices: 200_000, notifications: 100_000 };
const START_SECONDS = 15;
/** The longest that a neighbour sends requests, and then the longest wait for those in flight. */
const LONGEST_SECONDS = 60;
/** Until a neighbour has all its requests in flight. */
const FILL_SECONDS = 0.5;

interface Neighbour {
  name: string;
  job: { action: Action; inFlight: number; clients: number; members?: object };
  /** a device whose row is locked meanwhile; the updater has no commands of it */
  locked?: string;
}

const LOCKED = `${DEVICE}${SIZE.devices}`;
const oneClient = (action: Action, inFlight: number, members?: object) => ({
  action,
  inFlight,
  clients: 1,
  members,
});
const sixteenClients = (action: Action) => ({ action, inFlight: 256, clients: 16 });
const ON_FIRST_DEVICE = { deviceId: `${DEVICE}1`, take: 1_000 };

const NEIGHBOURS: Neighbour[] = [
  { name: '60 device/count', job: oneClient('device/count', 60) },
  {
    name: '60 device/list, take 1,000 by name',
    job: oneClient('device/list', 60, { sortField: 'name', take: 1_000 }),
  },
  { name: '60 command/list, take 1,000', job: oneClient('command/list', 60, { take: 1_000 }) },
  { name: '60 notification/list, take 1,000', job: oneClient('notification/list', 60, ON_FIRST_DEVICE) },
  { name: '256 command/get, 16 clients', job: sixteenClients('command/get') },
  { name: '256 authenticate, 16 clients', job: sixteenClients('authenticate') },
  {
    name: '8 notification/insert, device locked',
    job: oneClient('notification/insert', 8, { deviceId: LOCKED }),
    locked: LOCKED,
  },
];

interface Measured extends Neighbour {
  alone: Turn[];
  beside: Turn[];
  others: Outcome[];
}

const pairSeconds = (seconds: number) => 2 * turnSeconds(seconds) + FILL_SECONDS;

/** How long a small client waits beside a demanding one. Each turn beside it comes after a turn without it. */
export const neighbours: SectionOfRun = {
  seconds: ({ rounds, seconds, warmUpSeconds }) =>
    START_SECONDS + turnSeconds(warmUpSeconds) + rounds * NEIGHBOURS.length * pairSeconds(seconds),

  async run(run, cleanup) {
    const { options, progress } = run;
    progress.step(`neighbours: loading ${number(SIZE.devices)} devices`, START_SECONDS);
    const database = await createDatabase(cleanup, SIZE);
    const subject = await startService(cleanup, database);
    await warmUp(run, 'neighbours', subject, { token: run.token, ...SIZE });
    const other = Generator.start(cleanup);
    const measured: Measured[] = NEIGHBOURS.map((entry) => ({ ...entry, alone: [], beside: [], others: [] }));
    for (let round = 1; round <= options.rounds; round++) {
      for (const entry of measured) {
        progress.step(
          `neighbours: round ${round} of ${options.rounds}, ${entry.name}`,
          pairSeconds(options.seconds),
        );
        await takePair(run, subject, database, other, entry);
      }
    }
    return report(measured);
  },
};

/** A turn of the updater alone, and one beside the neighbour, whose requests are all answered at the end. */
async function takePair(
  { generator, options, token }: Run,
  subject: Subject,
  database: Database,
  other: Generator,
  { job, locked, alone, beside, others }: Measured,
): Promise<void> {
  const load = { token, rows: SIZE.rows, perDevice: SIZE.perDevice };
  const update = () => takeTurn(generator, subject, load, { ...UPDATER, seconds: options.seconds });
  alone.push(await update());
  const times = { seconds: LONGEST_SECONDS, rampSeconds: FILL_SECONDS, drainSeconds: LONGEST_SECONDS };
  const updateBeside = async () => {
    const neighbour = await other.begin(jobOf(subject, load, { ...job, ...times }));
    beside.push(await update());
    return neighbour;
  };
  const neighbour = await (locked ? whileLocked(database, locked, updateBeside) : updateBeside());
  others.push(await neighbour.end());
}

function report(measured: Measured[]): string {
  const rows = measured.map(({ name, alone, beside, others }) => {
    const rates = others.map(({ done, seconds }) => done / seconds);
    return [
      name,
      ...besideCells(alone, beside),
      troublesOf(beside),
      number(median(rates)),
      troublesOf(others),
    ];
  });
  return [
    '## A small client beside a demanding one',
    `One client with ${UPDATER.inFlight} \`command/update\` in flight, in turn alone and beside another client of the same user; ${number(SIZE.devices)} devices, ${number(SIZE.rows)} commands. The ratio is the median of the rounds, with the lowest and the highest.`,
    table(['beside', ...BESIDE_HEADER, 'errors', 'replies/s to the neighbour', 'its errors'], rows),
  ].join('\n\n');
}
