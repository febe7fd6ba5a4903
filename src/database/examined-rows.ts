/** The most rows that a list examines on the embedded database, where `statement_timeout` has no timer. */
const MAX_EXAMINED = 50_000;

/** Counts rows. It ends at the last one, and with it the statement that asks for more. */
export const MAKE_COUNTER = `CREATE TEMPORARY SEQUENCE IF NOT EXISTS examined_rows MAXVALUE ${MAX_EXAMINED}`;
/** The next list begins anew. */
export const RESET_COUNTER = `SELECT setval('pg_temp.examined_rows', 1, false)`;

/** Wraps the filters of a list, in SQL. What an index finds by the conditions beside them is all that they examine. */
export type Counted = (filters: string) => string;

/** For a server, where a list has its time. */
export const uncounted: Counted = (filters) => filters;

/** For the embedded database. CASE counts a row before it is filtered, whatever the planner puts first. */
export const byCounter: Counted = (filters) =>
  `CASE WHEN nextval('pg_temp.examined_rows') > 0 THEN ${filters} END`;
