import { databaseError, hasExaminedAll, isGivenUp } from '../../database/database-error.js';
import type { Queries, Statement } from '../../database/queries.js';
import { ActionError } from '../../protocol/action-error.js';
import { JsonText, printJson } from '../../protocol/json-text.js';
import { Pace } from '../../protocol/pace.js';
import type { Asker } from '../../protocol/turns.js';
import { invalidParameters } from './request-errors.js';

/** Which part of a list, and in which order. */
export interface ListPage {
  sortField?: string | null;
  sortOrder?: string | null;
  take?: number | null;
  skip?: number | null;
}

/** DeviceHive's documents say 100, its code 20. */
export const DEFAULT_TAKE = 100;
export const MAX_TAKE = 1_000;
/** The length of the JSON that one page may have; a page of one row has no limit. */
export const MAX_PAGE_BYTES = 4 * 1_048_576;

/** Milliseconds of printing in one turn of the event loop. */
const TURN_MS = 0.3;

/** DeviceHive's default for what a subscription replays. */
export const DEFAULT_REPLAY = 20;

/** For the LIMIT of a replay; what is below 0 counts as 0. */
export function replayLimitOf(limit: number | null | undefined): number {
  return Math.min(Math.max(limit ?? DEFAULT_REPLAY, 0), MAX_TAKE);
}

/** For LIMIT and OFFSET; what is below 0 counts as 0. */
export function limitsOf({ take, skip }: ListPage): [limit: number, offset: number] {
  return [Math.min(Math.max(take ?? DEFAULT_TAKE, 0), MAX_TAKE), Math.max(skip ?? 0, 0)];
}

/**
 * For ORDER BY of commands and notifications. Descending is the original's default where a field is asked for; without
 * one its order is arbitrary, and here ascending.
 * @param columns SQL by the name of the field
 * @param unsorted SQL for where no field is asked for
 * @param id the column that decides between equal rows, so that pages do not overlap
 */
export function orderOf(
  { sortField, sortOrder }: ListPage,
  columns: ReadonlyMap<string, string>,
  unsorted: string,
  id: string,
): string {
  const column = columns.get((sortField ?? '').toLowerCase());
  const descending = sortOrder == null ? column !== undefined : sortOrder.toLowerCase() === 'desc';
  const direction = descending ? 'DESC' : 'ASC';
  return `${column ?? unsorted} ${direction}, ${id} ${direction}`;
}

/**
 * For ORDER BY of everything else: ascending unless told, and by `id` if no field is asked for.
 * @param columns SQL by the name of the field
 * @param id the column that decides between equal rows, so that pages do not overlap
 * @throws {ActionError} 400 for a field that is not among `columns`, as in the original
 */
export function strictOrderOf(
  { sortField, sortOrder }: ListPage,
  columns: ReadonlyMap<string, string>,
  id: string,
): string {
  const column = sortField == null ? id : columns.get(sortField.toLowerCase());
  if (column === undefined) throw invalidParameters();
  const direction = sortOrder?.toLowerCase() === 'desc' ? 'DESC' : 'ASC';
  return `${column} ${direction}, ${id} ${direction}`;
}

/**
 * Reads a page and prints it, a little in each turn of the event loop: a page of 1,000 rows keeps nobody else waiting.
 * @param toItem what clients see of a row; `undefined` if the row has no item
 * @returns a JSON array; `undefined` if the statement has no row
 * @throws {ActionError} 413 if the page does not fit, 503 if it takes too much time or room, or examines too many rows
 */
export function printPage<Row extends { fits: boolean }>(
  queries: Queries,
  asker: Asker,
  statement: Statement,
  parameters: unknown[],
  toItem: (row: Row) => object | undefined,
): Promise<JsonText | undefined> {
  return readInTime(queries, asker, statement, parameters, async (rows: Row[]) => {
    if (rows.length === 0) return undefined;
    if (rows.some(({ fits }) => !fits)) throw pageTooLong();
    const items: string[] = [];
    const pace = new Pace(TURN_MS);
    for (const row of rows) {
      const item = toItem(row);
      if (item) items.push(printJson(item));
      const pause = pace.pause();
      if (pause) await pause;
    }
    return new JsonText(`[${items.join(',')}]`);
  });
}

/**
 * @param use makes of the rows what is answered
 * @throws {ActionError} 503 if the statement takes too much time or room, examines too many rows, or waits too long
 */
export async function readInTime<Row extends object, Result>(
  queries: Queries,
  asker: Asker,
  statement: Statement,
  parameters: unknown[],
  use: (rows: Row[]) => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await queries.list(asker, statement, parameters, use);
  } catch (error) {
    throw isGivenUp(error) || hasExaminedAll(error) ? tooSlow(error) : databaseError(error);
  }
}

export const pageTooLong = (): ActionError =>
  new ActionError(413, `Reply is larger than ${MAX_PAGE_BYTES} bytes: take fewer`);

export const tooSlow = (cause?: unknown): ActionError =>
  new ActionError(503, 'The list took too long: narrow it, or skip and take fewer', { cause });
