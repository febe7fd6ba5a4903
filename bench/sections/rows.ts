import type { Options } from '../options.js';
import { compressLog, createDatabase, type Database, logPosition } from '../support/database.js';
import { summarize } from '../support/summary.js';
import { OVERHEAD_SECONDS, RAMP_SECONDS, takeTurn, type Turn } from '../support/turn.js';
import { startService, type Subject } from '../support/subjects.js';
import { number, table, troubles } from '../support/table.js';
import type { Run, SectionOfRun } from './section.js';
import { ratio } from './update-report.js';

const FEW_ROWS = 100_000;
const IN_FLIGHT = 64;
/** Loading is an INSERT with an index and foreign keys, and a VACUUM. */
export const ROWS_PER_SECOND = 70_000;

interface Table extends Subject {
  database: Database;
  turns: Turn[];
  logBytes: number;
  /** `wal_compression` */
  compression: string;
}

const turnSeconds = (options: Options) => options.seconds + RAMP_SECONDS + OVERHEAD_SECONDS;

/** `command/update` on two tables of different size in turn. */
export const rows: SectionOfRun = {
  seconds: (options) =>
    (FEW_ROWS + options.manyRows) / ROWS_PER_SECOND +
    2 * (options.warmUpSeconds + OVERHEAD_SECONDS) +
    2 * options.rounds * turnSeconds(options),

  async run(run, cleanup) {
    const { options, progress } = run;
    const tables: Table[] = [];
    for (const rows of [FEW_ROWS, options.manyRows]) {
      progress.step(`rows: loading ${number(rows)} commands`, rows / ROWS_PER_SECOND);
      const database = await createDatabase(cleanup, { rows, perDevice: 10_000 });
      const compression = await compressLog(database);
      const service = await startService(cleanup, database);
      tables.push({ ...service, database, compression, turns: [], logBytes: 0 });
    }
    for (const table of tables) await turnOf(run, table, 'warms up', options.warmUpSeconds);
    for (const table of tables) Object.assign(table, { turns: [], logBytes: 0 });
    for (let round = 1; round <= options.rounds; round++) {
      for (const table of tables)
        await turnOf(run, table, `round ${round} of ${options.rounds}`, options.seconds);
    }
    return report(tables);
  },
};

async function turnOf(run: Run, table: Table, what: string, seconds: number): Promise<void> {
  const { rows, perDevice } = table.database;
  run.progress.step(`rows: ${number(rows)} commands, ${what}`, seconds + RAMP_SECONDS + OVERHEAD_SECONDS);
  const before = await logPosition(table.database);
  const job = { action: 'command/update', inFlight: IN_FLIGHT, seconds } as const;
  table.turns.push(await takeTurn(run.generator, table, { token: run.token, rows, perDevice }, job));
  table.logBytes += (await logPosition(table.database)) - before;
}

function report(tables: Table[]): string {
  const measured = tables.map(({ name, turns, database, logBytes }) => ({
    name: `${number(database.rows)} commands`,
    inFlight: IN_FLIGHT,
    turns,
    logBytes,
    summary: { ...summarize(turns), name },
  }));
  const [few, many] = measured;
  const lines = measured.map(({ name, logBytes, summary: s }) => [
    name,
    number(s.perSecond),
    number(s.p50, 2),
    number(s.p99, 2),
    number(logBytes / s.successes),
    troubles(s.errors, s.unanswered),
  ]);
  const header = ['ours, built-in broker, 64 in flight', 'updates/s', 'p50 ms', 'p99 ms'];
  return [
    '## The number of rows',
    table([...header, 'WAL bytes of the server per update', 'errors'], lines),
    `Ratio ${many!.name} / ${few!.name}: ${ratio(many!, few!)}, with \`wal_compression\` ${tables[0]!.compression}. The ` +
      'first change of each page after a checkpoint writes the whole page to the log (`full_page_writes`): a large table ' +
      'has more of them in a short run than over days.',
  ].join('\n\n');
}
