import type { CpuSeconds } from '../support/cpu.js';
import { updateStatistics } from '../support/database.js';
import { type Summary } from '../support/summary.js';
import { type Turn } from '../support/turn.js';
import type { Subject } from '../support/subjects.js';
import { number, percent, table, troubles } from '../support/table.js';

/** A subject's turns with so many requests in flight. */
export interface Measured {
  name: string;
  inFlight: number;
  turns: Turn[];
  summary: Summary;
}

export async function reportUpdates(
  subjects: Subject[],
  measured: Measured[],
  others: string,
): Promise<string> {
  const sorted = measured.toSorted((a, b) => a.inFlight - b.inFlight);
  return [
    '## `command/update`, 100,000 commands',
    updateTable(sorted),
    'Ratios of updates/s: the median of the rounds, with the lowest and the highest.',
    ratioTable(measured),
    cpuTable(sorted),
    'Updates as PostgreSQL has counted them, those of the warm-up too; heap-only ones change no index. The watcher should get an event for each success.',
    await processTable(subjects, measured),
    '## `command/insert` and `command/get`',
    others,
  ].join('\n\n');
}

function updateTable(measured: Measured[]): string {
  const header = ['in flight, subject', 'updates/s', 'slowest - fastest round', 'p50 ms', 'p99 ms'];
  const rows = measured.map(({ name, inFlight, summary: s }) => [
    `${inFlight}, ${name}`,
    number(s.perSecond),
    `${number(s.slowest)} - ${number(s.fastest)}`,
    number(s.p50, 2),
    number(s.p99, 2),
    number(s.cpuPerThousand, 3),
    troubles(s.errors, s.unanswered),
  ]);
  return table([...header, 'CPU s per 1,000', 'errors'], rows);
}

function cpuTable(measured: Measured[]): string {
  const header = ['in flight, subject', 'subject', 'Mosquitto', 'sessions', 'generator', 'rest'];
  const rows = measured.map(({ name, inFlight, summary: { shares } }) => {
    const { subject, broker, sessions, generator } = shares;
    const parts = [subject, broker, sessions, generator, restOf(shares)];
    return [`${inFlight}, ${name}`, ...parts.map(percent)];
  });
  const rest = measured.reduce((sum, { summary }) => sum + restOf(summary.shares), 0) / measured.length;
  const caption =
    'CPU time, of one core. The rest is that of other processes of PostgreSQL, and of whoever else uses the machine: ' +
    `${percent(rest)} on average in this run. The more it is, the less the figures say.`;
  return [caption, table(header, rows)].join('\n\n');
}

/** Not below 0, which the resolution of the clocks could make of it. */
function restOf({ subject = 0, broker = 0, sessions = 0, generator = 0, all }: CpuSeconds): number {
  return Math.max(0, all - subject - broker - sessions - generator);
}

function ratioTable(measured: Measured[]): string {
  const ours = [...new Set(measured.map(({ name }) => name))].filter((name) => name.startsWith('ours'));
  const inFlights = [...new Set(measured.map(({ inFlight }) => inFlight))];
  const rows = ours.flatMap((name) =>
    ['textbook', 'echo'].map((baseline) => [
      `${name} / ${baseline}`,
      ...inFlights.map((inFlight) => {
        const of = (subject: string) =>
          measured.find((entry) => entry.name === subject && entry.inFlight === inFlight)!;
        return ratio(of(name), of(baseline));
      }),
    ]),
  );
  return table(['updates/s', ...inFlights.map((inFlight) => `${inFlight} in flight`)], rows);
}

/** The median of the rounds, and their extremes: what disturbs some of the rounds does not move the median. */
export function ratio(one: Measured, other: Measured): string {
  const rate = ({ done, seconds }: Turn) => done / seconds;
  const ratios = one.turns
    .map((turn, round) => rate(turn) / rate(other.turns[round]!))
    .toSorted((a, b) => a - b);
  const middle = (ratios[(ratios.length - 1) >> 1]! + ratios[ratios.length >> 1]!) / 2;
  return `${number(middle, 2)} (${number(ratios[0], 2)} - ${number(ratios.at(-1), 2)})`;
}

async function processTable(subjects: Subject[], measured: Measured[]): Promise<string> {
  const rows: string[][] = [];
  for (const { name, process, database } of subjects) {
    const statistics = database && (await updateStatistics(database));
    const summaries = measured.filter((entry) => entry.name === name).map(({ summary }) => summary);
    const sum = (value: (summary: Summary) => number) =>
      summaries.reduce((total, summary) => total + value(summary), 0);
    rows.push([
      name,
      number(process.peakMegabytes()),
      number(statistics?.updates),
      percent(statistics && statistics.heapOnly / statistics.updates),
      number(sum(({ events }) => events)),
      number(sum(({ successes }) => successes)),
    ]);
  }
  return table(['subject', 'peak memory MB', 'updates', 'heap-only', 'events', 'successes'], rows);
}
