import { listQuery } from '../../src/actions/command/list/command-list.statement.js';
import { Histogram } from '../generator/histogram.js';
import { DEVICE } from '../generator/job.js';
import type { Options } from '../options.js';
import { createDatabase, type Database, withClient } from '../support/database.js';
import { OVERHEAD_SECONDS, takeTurn } from '../support/turn.js';
import { startService } from '../support/subjects.js';
import { number, table, troubles } from '../support/table.js';
import { ROWS_PER_SECOND } from './rows.js';
import type { SectionOfRun } from './section.js';

const SORT = { sortField: 'timestamp', sortOrder: 'asc' };
const PAGES = [
  { take: 100, skip: 0 },
  { take: 100, skip: 1_000 },
  { take: 100, skip: 10_000 },
  { take: 100, skip: 50_000 },
  { take: 100, skip: 99_900 },
  { take: 1_000, skip: 99_000 },
];
/** Of 100 commands; one of 1,000 takes some 30 ms. */
const PAGE_SECONDS = 0.01;
const WARM_UP = 10;
const LONGEST_SECONDS = 60;

const pageSeconds = ({ pages }: Options) => 2 * (pages + WARM_UP) * PAGE_SECONDS + OVERHEAD_SECONDS;

/** `command/list` on one device, sorted by time, one request at a time. */
export const list: SectionOfRun = {
  seconds: (options) => options.listRows / ROWS_PER_SECOND + PAGES.length * pageSeconds(options),

  async run({ generator, progress, token, options }, cleanup) {
    const { listRows: rows, pages } = options;
    progress.step(`list: loading ${number(rows)} commands of one device`, rows / ROWS_PER_SECOND);
    const database = await createDatabase(cleanup, { rows, perDevice: rows });
    const subject = await startService(cleanup, database);
    const load = { token, rows, perDevice: rows };
    const lines: string[][] = [];
    for (const page of PAGES) {
      const name = `take ${number(page.take)}, skip ${number(page.skip)}`;
      progress.step(`list: ${name}`, pageSeconds(options));
      const job = { action: 'command/list', inFlight: 1, seconds: LONGEST_SECONDS } as const;
      const members = { deviceId: `${DEVICE}1`, ...SORT, ...page };
      const turn = await takeTurn(generator, subject, load, { ...job, members, requests: pages });
      const reply = Histogram.of(turn.latencies);
      const alone = await statementAlone(database, page, pages);
      const figures = [reply, alone].flatMap((of) => [50, 95].map((p) => number(of.percentile(p), 2)));
      lines.push([name, ...figures, troubles(turn.errors, turn.unanswered)]);
    }
    const header = ['page', 'reply p50 ms', 'reply p95 ms', 'statement p50 ms', 'statement p95 ms', 'errors'];
    const title = `## \`command/list\`, sorted by \`timestamp\`, one device with ${number(rows)} commands`;
    return [title, table(header, lines)].join('\n\n');
  },
};

/** The same statement with the same values, on a connection of its own. */
async function statementAlone(
  database: Database,
  page: typeof SORT | object,
  times: number,
): Promise<Histogram> {
  const administrator = { userId: 1, networkIds: null, deviceTypeIds: null, limited: false, generation: 0 };
  const { statement, values } = listQuery(administrator, { deviceId: `${DEVICE}1`, ...SORT, ...page });
  const durations = new Histogram();
  await withClient(database.url, async (client) => {
    for (let i = -WARM_UP; i < times; i++) {
      const startedAt = performance.now();
      await client.query({ ...statement, values });
      if (i >= 0) durations.add(performance.now() - startedAt);
    }
  });
  return durations;
}
