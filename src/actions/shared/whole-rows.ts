import { databaseError, OUTCOME_UNKNOWN } from '../../database/database-error.js';
import type { Queries, Statement } from '../../database/queries.js';
import type { AccessScope } from '../../directory/access-scope.js';
import { Unavailable } from '../../protocol/action-error.js';
import { Lanes } from '../../transport/lanes.js';

/**
 * Reads rows again that were too long for the answer of their batch, one after the other for each user: a batch of them
 * would take all connections for seconds.
 */
export class WholeRows<Row extends { id: string }> {
  private readonly readings = new Lanes();

  /** @param statement $1 is the row's id; who asks has been let in before */
  constructor(
    private readonly queries: Queries,
    private readonly statement: Statement,
  ) {}

  /**
   * @param row what a batch has answered
   * @returns the row as it is now, if it is too long; `undefined` where it is gone by now
   * @throws {ActionError} 503 where it cannot be read: what was asked for is stored
   */
  async of(scope: AccessScope, row: (Row & { fits: boolean }) | undefined): Promise<Row | undefined> {
    if (!row || row.fits) return row;
    return this.readings.run(scope.userId, async () => {
      const rows = this.queries.run<Row>('lookup', scope, this.statement, [row.id]);
      const [again] = await rows.catch((error: unknown) => {
        throw afterCommit(error);
      });
      return again;
    });
  }
}

/** Whatever is in the way of reading it, what was asked for is stored. */
function afterCommit(cause: unknown): Unavailable {
  const { isUnexplained = true } = databaseError(cause) as Partial<Unavailable>;
  return new Unavailable(OUTCOME_UNKNOWN, true, { cause, isUnexplained });
}
