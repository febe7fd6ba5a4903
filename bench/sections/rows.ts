import type { Options } from '../options.js';
import type { Cleanup } from '../support/cleanup.js';
import {
  compressLog,
  createDatabase,
  type Database,
  logPosition,
  settingOf,
  startServer,
} from '../support/database.js';
import { summarize } from '../support/summary.js';
import { ratio } from '../support/rates.js';
import { turnSeconds } from '../support/rounds.js';
import { takeTurn, type Turn } from '../support/turn.js';
import { startService } from '../support/subjects.js';
import { number, table, troubles } from '../support/table.js';
import type { Run, SectionOfRun } from './section.js';

const FEW_ROWS = 100_000;
const IN_FLIGHT = 64;
/** Loading is an INSERT with an index and foreign keys, and a VACUUM. */
export const ROWS_PER_SECOND = 70_000;

/** To start a service, and to end it. */
const START_SECONDS = 1.5;

interface Table {
  database: Database;
  turns: Turn[];
  logBytes: number;
}

const roundSeconds = ({ seconds, warmUpSeconds }: Options) =>
  2 * (START_SECONDS + turnSeconds(warmUpSeconds) + turnSeconds(seconds));

/**
 * `command/update` on two tables of different size in turn, each turn with a process of its own: one is faster or slower
 * than the next for as long as it lives, by up to 10 % on one and the same table.
 */
export const rows: SectionOfRun = {
  seconds: (options) =>
    (FEW_ROWS + options.manyRows) / ROWS_PER_SECOND + options.rounds * roundSeconds(options),

  async run(run, cleanup) {
    const { options, progress } = run;
    const server = await startServer(cleanup);
    const tables: Table[] = [];
    for (const rows of [FEW_ROWS, options.manyRows]) {
      progress.step(`rows: loading ${number(rows)} commands`, rows / ROWS_PER_SECOND);
      const database = await createDatabase(cleanup, { rows, perDevice: 10_000 }, server);
      await compressLog(database);
      tables.push({ database, turns: [], logBytes: 0 });
    }
    for (let round = 1; round <= options.rounds; round++) {
      progress.step(`rows: round ${round} of ${options.rounds}`, roundSeconds(options));
      // Neither is always the one that comes after the other.
      for (const table of round % 2 ? tables : tables.toReversed())
        await cleanup.within((part) => turnOf(run, table, part));
    }
    return report(tables);
  },
};

async function turnOf({ generator, options, token }: Run, table: Table, part: Cleanup): Promise<void> {
  const { database } = table;
  const service = await startService(part, database);
  const load = { token, rows: database.rows, perDevice: database.perDevice };
  const job = { action: 'command/update', inFlight: IN_FLIGHT } as const;
  await takeTurn(generator, service, load, { ...job, seconds: options.warmUpSeconds });
  const before = await logPosition(database);
  table.turns.push(await takeTurn(generator, service, load, { ...job, seconds: options.seconds }));
  table.logBytes += (await logPosition(database)) - before;
}

async function report(tables: Table[]): Promise<string> {
  const measured = tables.map(({ turns, database, logBytes }) => ({
    name: `${number(database.rows)} commands`,
    inFlight: IN_FLIGHT,
    turns,
    logBytes,
    summary: summarize(turns),
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
  const { url } = tables[0]!.database;
  const settings = ['shared_buffers', 'wal_compression'].map(
    async (name) => `\`${name}\` ${await settingOf(url, name)}`,
  );
  return [
    '## The number of rows',
    table([...header, 'WAL bytes of the server per update', 'errors'], lines),
    `Ratio ${many!.name} / ${few!.name}: ${ratio(many!, few!)}, with ${(await Promise.all(settings)).join(' and ')}. A new ` +
      'process of the service for each turn: two of them differ by up to 10 % on one and the same table.',
  ].join('\n\n');
}
