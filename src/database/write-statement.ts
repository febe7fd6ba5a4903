import type { Asker } from '../protocol/turns.js';
import { Superseded } from '../protocol/action-error.js';
import { answered, OUTCOME_UNKNOWN } from './database-error.js';
import type { Queries, Statement } from './queries.js';
import { retryWrite } from './write-retry.js';
import type { WriteFence } from './write-fence.js';

/** Of a statement that others are in the way of. */
const DEADLINE_MS = 10_000;

/**
 * Runs a statement that changes something and always answers one row; its `leads` tells whether the term lasts.
 * @param asker whose turn it takes
 * @param statement its text; the parameters of `termRow` come after `parameters`
 * @throws {Superseded} where another process has taken over: nothing was changed then
 * @throws {ActionError} 503 where the database did not answer, or others were in the way for too long
 */
export async function write<Row extends { leads: boolean }>(
  queries: Queries,
  asker: Asker,
  fence: WriteFence,
  statement: (fenced: boolean) => Statement,
  parameters: unknown[],
): Promise<Row> {
  const { term } = fence;
  const values = [...parameters, ...(term ? [term.name, term.epoch] : [])];
  const rows = () =>
    answered(queries.runUntilFree<Row>(asker, statement(term !== undefined), values), OUTCOME_UNKNOWN);
  const [row] = await retryWrite(rows, DEADLINE_MS);
  if (!row?.leads) throw new Superseded();
  return row;
}

/**
 * Two common table expressions, `remembered` and `i`: the `id` of what the request is to make, or no row for a
 * repeat. A second request with the same key at the same time waits for the first.
 * @param id an SQL expression, `nextval('...')` or a column of `source`
 * @param source a common table expression: a row where the request may be executed, none where it is refused
 * @param first `$<first>` and the next are the request's key and content (null: not to be remembered), the third the
 *   seconds for which it is remembered
 */
export function once(id: string, source: string, first: number): string {
  const [key, content, seconds] = [`$${first}::bytea`, `$${first + 1}::bytea`, `$${first + 2}`];
  return `
       remembered AS (
         INSERT INTO recent_insert AS r (request, content, made_id, at)
         SELECT ${key}, ${content}, ${id}, clock_timestamp() FROM ${source} WHERE ${key} IS NOT NULL
         ON CONFLICT (request) DO UPDATE
           SET content = excluded.content, made_id = excluded.made_id, at = excluded.at
           WHERE r.content <> excluded.content OR r.at < excluded.at - make_interval(secs => ${seconds})
         RETURNING made_id),
       i AS (
         SELECT made_id AS id FROM remembered
         UNION ALL
         SELECT ${id} FROM ${source} WHERE ${key} IS NULL)`;
}
