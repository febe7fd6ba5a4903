import { type ClientBase, escapeLiteral, type QueryResult } from 'pg';
import { WritableProbe } from './writable-probe.js';

/**
 * What the statements, and the reading of their answers, rely on, whatever the server, the database or the role has as
 * its default. The zone is the operator's: times are converted in each statement. So are `statement_timeout` and
 * `synchronous_commit`.
 */
const SETTINGS: Record<string, string> = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  // Batches are arrays with NULLs, written as text.
  array_nulls: 'on',
  // At a higher level an update of a row that has just changed fails instead of applying to the row as it is now.
  default_transaction_isolation: 'read committed',
  // No statement of the service has a reason to read a whole table. A prepared one is planned once: where that is when a
  // table has 50 rows, it would read the million that the table has a minute later row by row, 256 times for a batch.
  enable_seqscan: 'off',
  enable_indexscan: 'on',
  enable_nestloop: 'on',
  plan_cache_mode: 'auto',
  // Where there is no index the plan counts as dear, and would be compiled: more work than running it.
  jit: 'off',
  // A list takes one processor of the database: with a helper each, three lists would leave nothing to other statements.
  max_parallel_workers_per_gather: '0',
};

/** How long a statement may take, and wait for a lock; see `boundsFor`. */
export type Bound = 'usual' | 'reading' | 'locking';

/** The longest that a statement takes which may read much. */
const READING_MS = 5_000;
/** The longest wait for a lock at a time: in between others have their turn. */
const LOCKING_MS = 100;

/** What is told of a session. */
interface Row {
  is_read_only: boolean;
  /** the id of its process on the server */
  backend: number;
  search_path: string;
}

/**
 * Makes the sessions of a service alike and fit for its statements. By SQL and not by parameters of the connection,
 * which poolers do not pass on.
 */
export class Sessions {
  /** by which all connections are made */
  readonly probe = new WritableProbe();
  private readonly settings: Record<string, string>;
  private searchPath?: string;

  /** @param lockTimeoutMs the longest that a statement waits for a lock; 0 for no limit */
  constructor(readonly lockTimeoutMs: number) {
    this.settings = { ...SETTINGS, lock_timeout: String(lockTimeoutMs) };
  }

  /** The statement that bounds the later ones of a session. */
  boundsFor(bound: Bound): string {
    const { lockTimeoutMs: deadline } = this;
    const lockMs = bound === 'locking' ? Math.min(LOCKING_MS, deadline || LOCKING_MS) : deadline;
    const statement =
      bound === 'reading' ? `SET statement_timeout = ${READING_MS}` : 'RESET statement_timeout';
    return `SET lock_timeout = ${lockMs}; ${statement}`;
  }

  /** Sets everything in one round trip. */
  async makeReady(client: ClientBase): Promise<Row> {
    const results = (await client.query(this.statement())) as unknown as QueryResult<Row>[];
    const row = results.at(-1)!.rows[0]!;
    this.searchPath ??= row.search_path;
    return row;
  }

  /**
   * The schemas are those of the first session, as the URL, the role or the database names them: what is changed later
   * counts from the next start on, for all sessions together. Prepared statements may be there of somebody who had the
   * session before, through a pooler.
   */
  private statement(): string {
    const set = Object.entries(this.settings).map(
      ([name, value]) => `set_config('${name}', ${escapeLiteral(value)}, false)`,
    );
    const path =
      this.searchPath === undefined ? `current_setting('search_path')` : escapeLiteral(this.searchPath);
    return `DEALLOCATE ALL;
      SELECT ${set},
             set_config('search_path', ${path}, false) AS search_path,
             current_setting('transaction_read_only')::boolean AS is_read_only,
             pg_backend_pid() AS backend`;
  }
}
