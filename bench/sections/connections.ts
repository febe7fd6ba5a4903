import { join } from 'node:path';
import { Histogram } from '../generator/histogram.js';
import type { Gathering } from '../generator/job.js';
import type { Cleanup } from '../support/cleanup.js';
import { createDatabase } from '../support/database.js';
import { Generator } from '../support/generator.js';
import { takeRounds, roundsSeconds, turnSeconds, warmUp } from '../support/rounds.js';
import { spread } from '../support/spread.js';
import { startService, type Subject } from '../support/subjects.js';
import { troublesOf } from '../support/summary.js';
import { number, table } from '../support/table.js';
import { takeTurn, type Turn } from '../support/turn.js';
import { BESIDE_HEADER, besideCells, UPDATER } from '../support/updater.js';
import type { Run, SectionOfRun } from './section.js';

const PROBE = join(import.meta.dirname, '../support/memory-probe.js');
const SIZE = { rows: 10_000, perDevice: 100 };
const IDLE = 5_000;
const STORM = 1_000;
const START_SECONDS = 8;
const GATHER_SECONDS = 15;
const STORM_SECONDS = 4;

/** What idle connections cost, and how fast many clients come back at once. */
export const connections: SectionOfRun = {
  seconds: (options) =>
    START_SECONDS +
    2 * turnSeconds(options.warmUpSeconds) +
    GATHER_SECONDS +
    roundsSeconds(options, 2) +
    options.rounds * (turnSeconds(options.seconds) + STORM_SECONDS),

  async run(run, cleanup) {
    run.progress.step('connections: starting two services', START_SECONDS);
    const alone = await startService(cleanup, await createDatabase(cleanup, SIZE));
    await warmUp(run, 'connections', alone, { token: run.token, ...SIZE });
    const idle = await cleanup.within((part) => besideIdle(run, part, alone));
    return ['## Connections', idle, await storms(run, alone)].join('\n\n');
  },
};

/** Two services in turn, of which one has idle connections all the time: it takes many seconds to open them. */
async function besideIdle(run: Run, cleanup: Cleanup, alone: Subject): Promise<string> {
  const { progress, token } = run;
  const database = await createDatabase(cleanup, SIZE);
  const crowded = await startService(cleanup, database, undefined, ['--expose-gc', '--import', PROBE]);
  const load = { token, ...SIZE };
  await warmUp(run, 'connections', crowded, load);
  progress.step(`connections: opening ${number(IDLE)}`, GATHER_SECONDS);
  const before = await memoryOf(crowded);
  const topic = 'dh/command/1/1/bench-{n}/#';
  const crowd = { url: crowded.url, token, clients: IDLE, atOnce: 50, topic };
  await Generator.start(cleanup).gather(crowd);
  const after = await memoryOf(crowded);
  const [without, beside] = await takeRounds(run, 'connections', [
    { name: 'no idle connections', subject: alone, load, job: UPDATER },
    { name: `${number(IDLE)} idle connections`, subject: crowded, load, job: UPDATER },
  ]);
  const kilobytes = (part: 'used' | 'resident') => number((after[part] - before[part]) / IDLE, 1);
  const cells = [
    ...besideCells(without!.turns, beside!.turns),
    troublesOf(beside!.turns),
    kilobytes('used'),
    kilobytes('resident'),
  ];
  const header = ['beside', ...BESIDE_HEADER, 'errors', 'kB used for each', 'kB resident for each'];
  return [
    `${number(IDLE)} clients that have authenticated and subscribed their device's commands, and then are idle. One client with ${UPDATER.inFlight} \`command/update\` in flight on the same service, and on another one without them. Memory is what the service's process has grown by: what is in use after a garbage collection, and what is resident.`,
    table(header, [[`${number(IDLE)} idle`, ...cells]]),
  ].join('\n\n');
}

/** In kilobytes; `NaN` resident if the system does not tell. */
async function memoryOf({ process }: Subject): Promise<{ used: number; resident: number }> {
  const used = Number(/(\d+) kB in use/.exec(await process.askProbe())?.[1]);
  return { used, resident: (process.residentMegabytes() ?? Number.NaN) * 1_024 };
}

/** Clients that come back at once, as after a restart, each time after a turn of `command/update`. */
async function storms({ generator, progress, options, token }: Run, subject: Subject): Promise<string> {
  const updates: Turn[] = [];
  const gatherings: Gathering[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    const text = `connections: round ${round} of ${options.rounds}, ${number(STORM)} at once`;
    progress.step(text, turnSeconds(options.seconds) + STORM_SECONDS);
    const job = { action: 'command/update', inFlight: 64, seconds: options.seconds } as const;
    updates.push(await takeTurn(generator, subject, { token, ...SIZE }, job));
    gatherings.push(await generator.gather({ url: subject.url, token, clients: STORM, atOnce: STORM }));
    generator.disperse();
  }
  const clients = Histogram.of(...gatherings.map(({ latencies }) => latencies));
  const seconds = gatherings.map((gathering) => gathering.seconds);
  const ratios = seconds.map(
    (each, round) => STORM / each / (updates[round]!.done / updates[round]!.seconds),
  );
  const cells = [
    spread(seconds),
    number(clients.percentile(50)),
    number(clients.percentile(99)),
    spread(ratios),
  ];
  return [
    `${number(STORM)} clients that connect and \`authenticate\` by token at once. The ratio is that of clients/s and updates/s, with 64 in flight, in each round.`,
    table(
      ['at once', 'all answered after s', 'a client p50 ms', 'p99 ms', 'clients/s / updates/s'],
      [[number(STORM), ...cells]],
    ),
  ].join('\n\n');
}
