import { databaseError, hasExaminedAll, isGivenUp } from '../../database/database-error.js';
import type { Queries, Statement } from '../../database/queries.js';
import { ActionError } from '../../protocol/action-error.js';
import type { Asker } from '../../protocol/turns.js';
import type { ListPageDto } from './list-page.dto.js';
import { invalidParameters } from './request-errors.js';

/** DeviceHive's documents say 100, its code 20. */
export const DEFAULT_TAKE = 100;
export const MAX_TAKE = 1_000;
/** The length of the JSON that one page may have; a page of one row has no limit. */
export const MAX_PAGE_BYTES = 4 * 1_048_576;

/** DeviceHive's default for what a subscription replays. */
export const DEFAULT_REPLAY = 20;

/** For the LIMIT of a replay; what is below 0 counts as 0. */
export function replayLimitOf(limit: number | null | undefined): number {
  return Math.min(Math.max(limit ?? DEFAULT_REPLAY, 0), MAX_TAKE);
}

/** For LIMIT and OFFSET; what is below 0 counts as 0. */
export function limitsOf({ take, skip }: ListPageDto): [limit: number, offset: number] {
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
  { sortField, sortOrder }: ListPageDto,
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
  { sortField, sortOrder }: ListPageDto,
  columns: ReadonlyMap<string, string>,
  id: string,
): string {
  const column = sortField == null ? id : columns.get(sortField.toLowerCase());
  if (column === undefined) throw invalidParameters();
  const direction = sortOrder?.toLowerCase() === 'desc' ? 'DESC' : 'ASC';
  return `${column} ${direction}, ${id} ${direction}`;
}

/**
 * The rows of a page.
 * @param statement answers with each row whether the page `fits`
 * @throws {ActionError} 413 where it does not, 503 where it takes too much time or room, or examines too many rows
 */
export async function readPage<Row extends { fits: boolean }>(
  queries: Queries,
  asker: Asker,
  statement: Statement,
  parameters: unknown[],
): Promise<Row[]> {
  const page = await readInTime<Row>(queries, asker, statement, parameters);
  if (page.some(({ fits }) => !fits)) {
    throw pageTooLong();
  }
  return page;
}

/** @throws {ActionError} 503 where the statement takes too much time or room, examines too many rows, or waits too long */
export async function readInTime<Row extends object>(
  queries: Queries,
  asker: Asker,
  statement: Statement,
  parameters: unknown[],
): Promise<Row[]> {
  try {
    return await queries.run<Row>('list', asker, statement, parameters);
  } catch (error) {
    throw isGivenUp(error) || hasExaminedAll(error) ? tooSlow(error) : databaseError(error);
  }
}

export const pageTooLong = (): ActionError =>
  new ActionError(413, `Reply is larger than ${MAX_PAGE_BYTES} bytes: take fewer`);

export const tooSlow = (cause?: unknown): ActionError =>
  new ActionError(503, 'The list took too long: narrow it, or skip and take fewer', { cause });
