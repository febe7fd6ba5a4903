import { type DataSource, QueryFailedError } from 'typeorm';
import type { Asker } from '../protocol/turns.js';
import type { BorrowedSession } from './borrowed-session.js';
import { isLocked } from './database-error.js';
import { byCounter, type Counted, RESET_COUNTER, uncounted } from './examined-rows.js';
import { Gate, type Kind } from './gate.js';
import type { Bound, Sessions } from './sessions.js';
import { poolOf, sessionsOf } from './write-pool.js';

export type { Asker, Bound };

/**
 * A statement that each connection prepares once, under its name; without one it is planned at each call. So it is on the
 * embedded database unless it is a batch: that is one session for all connections, which forgets no statement.
 */
export interface Statement {
  name?: string;
  text: string;
}

/** What a statement of a kind may take. */
const BOUNDS: Record<Kind, Bound> = { batch: 'usual', lookup: 'usual', list: 'reading', locking: 'locking' };

/** The one way of the actions' statements to the database: in turn, by user and by client, and each with a bound. */
export class Queries {
  private readonly gate: Gate;

  constructor(private readonly dataSource: DataSource) {
    this.gate = new Gate(this.poolSize);
  }

  /** How lists filter on this database. */
  get counted(): Counted {
    return this.isEmbedded ? byCounter : uncounted;
  }

  get poolSize(): number {
    return poolOf(this.dataSource).options.max ?? 1;
  }

  /** How long a request waits for a lock, in milliseconds; without end on the embedded database, where nobody else is. */
  get lockTimeoutMs(): number {
    return this.sessions?.lockTimeoutMs || Infinity;
  }

  /**
   * One round trip, if the session has the kind's bounds. A failed statement throws what TypeORM throws, without the
   * values, which are the clients'.
   * @param asker whose turn it takes
   * @param bound asked when it has its turn; the kind's unless told
   */
  run<Row extends object>(
    kind: Exclude<Kind, 'list'>,
    asker: Asker,
    statement: Statement,
    values: unknown[],
    bound?: () => Bound,
  ): Promise<Row[]> {
    return this.inTurn(kind, asker, () => this.execute<Row>(kind, statement, values, bound?.()));
  }

  /** As `run`, for a statement of the kind `locking`, which begins again after each wait for a lock until the deadline. */
  async runUntilFree<Row extends object>(
    asker: Asker,
    statement: Statement,
    values: unknown[],
  ): Promise<Row[]> {
    const deadline = performance.now() + this.lockTimeoutMs;
    for (;;) {
      try {
        return await this.run<Row>('locking', asker, statement, values);
      } catch (error) {
        if (!isLocked(error) || performance.now() >= deadline) throw error;
      }
    }
  }

  /**
   * As `run`, for a statement of the kind `list`. Its turn lasts until its rows are used: those of lists that come
   * faster than they can be printed would pile up.
   * @param use makes of the rows what is answered
   */
  list<Row extends object, Result>(
    asker: Asker,
    statement: Statement,
    values: unknown[],
    use: (rows: Row[]) => Result | Promise<Result>,
  ): Promise<Result> {
    return this.inTurn('list', asker, async () => use(await this.execute<Row>('list', statement, values)));
  }

  private get isEmbedded(): boolean {
    return this.sessions === undefined;
  }

  /** absent for the embedded database */
  private get sessions(): Sessions | undefined {
    return sessionsOf(this.dataSource);
  }

  private async inTurn<Result>(kind: Kind, asker: Asker, work: () => Promise<Result>): Promise<Result> {
    const turn = this.gate.enter(kind, asker);
    if (turn) await turn;
    const since = performance.now();
    try {
      return await work();
    } finally {
      this.gate.leave(kind, since);
    }
  }

  private async execute<Row extends object>(
    kind: Kind,
    { name, text }: Statement,
    values: unknown[],
    bound = BOUNDS[kind],
  ): Promise<Row[]> {
    const isNamed = kind === 'batch' || !this.isEmbedded;
    const session = await poolOf(this.dataSource).connect();
    try {
      (session as unknown as BorrowedSession).bound = bound;
      if (kind === 'list' && this.isEmbedded) await session.query(RESET_COUNTER);
      return (await session.query<Row>({ name: isNamed ? name : undefined, text, values })).rows;
    } catch (error) {
      throw new QueryFailedError(text, [], error as Error);
    } finally {
      session.release();
    }
  }
}
