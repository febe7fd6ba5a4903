import { type Counted, uncounted } from '../../database/examined-rows.js';
import type { Queries } from '../../database/queries.js';
import { type AccessScope, VISIBLE_DEVICES, visibleDeviceParameters } from '../../directory/access-scope.js';
import { formatTimestamp } from '../../protocol/timestamps.js';
import type { ReplayCursor } from '../../subscriptions/event-subscription.js';
import { MAX_PAGE_BYTES, readInTime, replayLimitOf } from './list-page.js';

/** What a subscription asks for; an empty or absent list stands for all. */
interface ReplayRequest {
  deviceId?: string | null;
  networkIds?: readonly number[] | null;
  deviceTypeIds?: readonly number[] | null;
  names?: readonly string[] | null;
  /** what is older is not replayed */
  timestamp?: Date | null;
  /** of what is as old as `timestamp` only what has a higher id is replayed */
  afterId?: number | null;
  limit?: number | null;
}

/** What is stored and replayed, oldest first. */
export interface ReplayPage<Item> {
  items: Item[];
  /** the rest begins behind it; missing if there is none */
  next?: ReplayCursor;
}

/** What can be replayed, in SQL. */
export interface Replayed {
  table: string;
  /** the table's alias in the other members */
  row: string;
  columns: string;
  name: string;
  /** the time that counts */
  at: string;
  /** what must hold besides */
  isDue: string;
  /** the texts that make a row long */
  texts: string;
}

/**
 * A page, oldest first. At least one row: `has_more`, and the columns, empty if nothing is replayed. A row that is longer
 * than a page may be has a page of its own.
 *
 * $1 is the device, $2..$5 the scope, $6 are networks, $7 device types, $8 names (null: all); what comes behind the time
 * $9 and the id $10 is replayed, and $11 of it at most. Each device is asked for itself: the index of its rows gives them
 * in their order, and no more of them are read than the page has room for.
 */
export const replayStatement = (
  { table, row, columns, name, at, isDue, texts }: Replayed,
  counted: Counted = uncounted,
): string => `
  WITH d AS (
         SELECT v.id, v.device_id, v.network_id, v.device_type_id FROM (${VISIBLE_DEVICES}) v
          WHERE ($1::varchar IS NULL OR v.device_id = $1)
            AND ${counted(`($6::bigint[] IS NULL OR v.network_id = ANY ($6))
            AND ($7::bigint[] IS NULL OR v.device_type_id = ANY ($7))`)}),
       page AS (
         SELECT r.id, r.at
           FROM d CROSS JOIN LATERAL (
             SELECT ${row}.id, ${at} AS at FROM ${table} ${row}
              WHERE ${row}.device = d.id AND (${at}, ${row}.id) > ($9::timestamptz, $10::bigint)
                AND ${counted(`($8::varchar[] IS NULL OR ${name} = ANY ($8)) AND ${isDue}`)}
              ORDER BY ${at}, ${row}.id LIMIT $11::bigint + 1) r
          ORDER BY r.at, r.id LIMIT $11::bigint + 1),
       sized AS (
         SELECT page.id, row_number() OVER so_far AS place, sum(octet_length(concat(${texts}))) OVER so_far AS bytes
           FROM page JOIN ${table} ${row} ON ${row}.id = page.id
         WINDOW so_far AS (ORDER BY page.at, page.id)),
       fit AS (
         SELECT id, place FROM sized WHERE place <= $11::bigint AND (place = 1 OR bytes <= ${MAX_PAGE_BYTES}))
  SELECT (SELECT count(*) FROM page) > (SELECT count(*) FROM fit) AS has_more, ${columns}
    FROM (SELECT) one
    LEFT JOIN (fit JOIN ${table} ${row} ON ${row}.id = fit.id JOIN d ON d.id = ${row}.device) ON true
   ORDER BY fit.place`;

/**
 * @param toItem reads a row
 * @param timeOf the time that counts
 * @throws {ActionError} 503 if it takes too much time or room, or examines too many rows
 */
export async function readReplay<Row extends { id: string }, Item extends { id: number }>(
  queries: Queries,
  replayed: Replayed,
  scope: AccessScope,
  request: ReplayRequest,
  toItem: (row: Row) => Item,
  timeOf: (item: Item) => string,
): Promise<ReplayPage<Item>> {
  const { deviceId = null, networkIds, deviceTypeIds, names, limit } = request;
  const from: ReplayCursor = {
    timestamp: formatTimestamp(request.timestamp!),
    // Ids begin with 1.
    afterId: request.afterId ?? 0,
  };
  const [, ...scopeParameters] = visibleDeviceParameters(scope, '');
  const lists = [networkIds, deviceTypeIds, names].map((list) => (list?.length ? list : null));
  type PageRow = (Row | { id: null }) & { has_more: boolean };
  const values = [
    deviceId,
    ...scopeParameters,
    ...lists,
    `${from.timestamp}Z`,
    from.afterId,
    replayLimitOf(limit),
  ];
  const text = replayStatement(replayed, queries.counted);
  return readInTime(queries, scope, { text }, values, (rows: PageRow[]) => {
    const items = rows.flatMap((row) => (row.id === null ? [] : toItem(row)));
    if (!rows[0]!.has_more) return { items };
    const last = items.at(-1);
    return { items, next: last ? { timestamp: timeOf(last), afterId: last.id } : from };
  });
}
