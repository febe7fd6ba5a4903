import type { CpuSeconds } from '../support/cpu.js';
import { updateStatistics } from '../support/database.js';
import { rateTable, ratioTable, sorted } from '../support/rates.js';
import type { Measured } from '../support/rounds.js';
import type { Summary } from '../support/summary.js';
import type { Subject } from '../support/subjects.js';
import { number, percent, table } from '../support/table.js';

const PAIRS = ['ours on Mosquitto', 'ours, built-in broker'].flatMap((name) =>
  ['textbook', 'echo'].map((baseline): [string, string] => [name, baseline]),
);

export async function reportUpdates(subjects: Subject[], measured: Measured[]): Promise<string> {
  return [
    '## `command/update`, 100,000 commands',
    rateTable(measured, 'subject', 'updates/s'),
    ratioTable(
      measured.filter(({ name }) => name !== 'generator alone'),
      'updates/s',
      PAIRS,
    ),
    cpuTable(sorted(measured)),
    'Updates as PostgreSQL has counted them, those of the warm-up too; heap-only ones change no index. The watcher should get an event for each success.',
    await processTable(subjects, measured),
  ].join('\n\n');
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
