import { Histogram } from '../generator/histogram.js';
import type { FanoutTurn } from '../generator/job.js';
import { createDatabase } from '../support/database.js';
import { turnSeconds, warmUp } from '../support/rounds.js';
import { spread } from '../support/spread.js';
import { startService } from '../support/subjects.js';
import { number, table } from '../support/table.js';
import type { SectionOfRun } from './section.js';

/** Subscribers of the updates of one device each. */
const GROUPS = [1, 100, 1_000];
/** Updates for each group in a round. */
const EVENTS = 20;
const SIZE = { rows: 100 * GROUPS.length, perDevice: 100 };
const START_SECONDS = 5;
const GATHER_SECONDS = 5;
/** Estimated for each update: 1,000 subscribers take some 50 ms. */
const UPDATE_SECONDS = 0.03;

/** When the last of several subscribers has an event, one update at a time. */
export const fanout: SectionOfRun = {
  seconds: ({ warmUpSeconds, rounds }) => START_SECONDS + turnSeconds(warmUpSeconds) + fanoutSeconds(rounds),

  async run(run, cleanup) {
    const { token, options, progress, generator } = run;
    progress.step('fanout: starting the service', START_SECONDS);
    const subject = await startService(cleanup, await createDatabase(cleanup, SIZE));
    await warmUp(run, 'fanout', subject, { token, ...SIZE });
    progress.step(`fanout: ${options.rounds} rounds`, fanoutSeconds(options.rounds));
    const { url } = subject;
    const { perDevice } = SIZE;
    const job = { url, token, perDevice, groups: GROUPS, rounds: options.rounds, events: EVENTS };
    return report(await generator.fanout(job));
  },
};

const fanoutSeconds = (rounds: number) => GATHER_SECONDS + rounds * GROUPS.length * EVENTS * UPDATE_SECONDS;

function report(rounds: FanoutTurn[][]): string {
  const rows = GROUPS.map((size, group) => {
    const turns = rounds.map((round) => round[group]!);
    const reply = Histogram.of(...turns.map((turn) => turn.reply));
    const last = Histogram.of(...turns.map((turn) => turn.last));
    const figures = [reply, last].flatMap((durations) => [50, 99].map((p) => durations.percentile(p)));
    const ratios = rounds.map((round) => p50(round[group]!.last) / p50(round[0]!.last));
    return [number(size), ...figures.map((value) => number(value, 2)), spread(ratios)];
  });
  const header = [
    'subscribers',
    'reply p50 ms',
    'p99 ms',
    'last event p50 ms',
    'p99 ms',
    'last event / of 1, p50',
  ];
  return [
    '## Fan-out',
    'One `command/update` at a time, and as many subscribers of its device at QoS 1. Both times begin when the update is sent. The generator has its share in them: it reads all events in one process.',
    table(header, rows),
  ].join('\n\n');
}

const p50 = (latencies: FanoutTurn['last']) => Histogram.of(latencies).percentile(50);
