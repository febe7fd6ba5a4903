import { termRow } from '../database/write-fence.js';

/** Tables of which old rows are deleted; each has an index on (device, timestamp, id). */
export const KEPT_TABLES = ['device_command', 'device_notification'] as const;
export type KeptTable = (typeof KEPT_TABLES)[number];

/** Rows that one statement deletes at most. */
export const ROWS = 1_000;
/** Devices that one statement looks at, at most: one probe of the index each, where nothing is old. */
export const DEVICES = 500;

/** Which rows are deleted, in SQL: those of devices `d` whose row `c` is among these. */
export interface Doomed {
  devices: string;
  rows: string;
  /** from $3 on */
  values: unknown[];
}
/** Everything that is older than so many days; `now()` and not `clock_timestamp()`, which an index cannot be asked for. */
export const olderThan = (days: number): Doomed => ({
  devices: 'true',
  rows: 'c.timestamp < now() - make_interval(days => $3::int)',
  values: [days],
});
export const OF_GONE_DEVICES: Doomed = { devices: 'd.gone_at IS NOT NULL', rows: 'true', values: [] };

/** Where a statement goes on: rows from `timestamp` of `device` on, and of the devices behind it. */
export interface Place {
  device: string;
  timestamp: string;
}
export const START: Place = { device: '0', timestamp: '-infinity' };

/** What one statement has done. */
export interface DeletedRow {
  leads: boolean;
  deleted: number;
  /** of the last row that was deleted */
  device: string | null;
  timestamp: string | null;
  /** the last device that was looked at; `null` where there was none */
  last_device: string | null;
}

/**
 * Always one row: `leads`, and what was deleted from the place $1, $2 on.
 *
 * There is no index by time alone, so old rows are found device by device, at the old end of the index that lists use.
 * The limit is hidden in a sub-select: known, and
 * with fewer rows of a device than that on average, the plan would read and sort all old rows of a device each time.
 * Without a place to go on at, a statement would walk over all that those before have deleted: see `docs/decisions.md`.
 *
 * Locked rows are passed over, so that it waits for nobody. Nobody waits for long for it either: an update passes over
 * what is being deleted here and looks again.
 */
export const deleteStatement = (
  table: KeptTable,
  { devices, rows, values }: Doomed,
  fenced: boolean,
): string => `
  WITH term AS (${termRow(fenced, 3 + values.length)}),
       d AS (SELECT id FROM device d WHERE id >= $1::bigint AND ${devices} ORDER BY id LIMIT ${DEVICES}),
       old AS (
         SELECT o.*
           FROM term, d, LATERAL (
             SELECT c.id, c.device, c.timestamp FROM ${table} c
              WHERE c.device = d.id AND ${rows}
                AND c.timestamp >= CASE WHEN d.id = $1::bigint THEN $2::timestamptz ELSE '-infinity' END
              ORDER BY c.timestamp, c.id LIMIT (SELECT ${ROWS}) FOR UPDATE SKIP LOCKED) o
          LIMIT ${ROWS}),
       gone AS (DELETE FROM ${table} WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING id),
       place AS (SELECT device, timestamp::text FROM old ORDER BY old.device DESC, old.timestamp DESC LIMIT 1)
  SELECT EXISTS (SELECT FROM term) AS leads, (SELECT count(*) FROM gone)::int AS deleted, place.*,
         (SELECT max(id) FROM d) AS last_device
    FROM (SELECT) one LEFT JOIN place ON true`;

/** Where to go on after a statement; `undefined` where nothing is left. */
export function placeAfter({ deleted, device, timestamp, last_device }: DeletedRow): Place | undefined {
  if (deleted === ROWS && device !== null && timestamp !== null) return { device, timestamp };
  return last_device === null ? undefined : { ...START, device: String(BigInt(last_device) + 1n) };
}

/**
 * Always one row: `leads`, and how many gone devices were deleted, of those that have no rows left. Rows that others
 * held are left for the next time, and so is their device.
 */
export const forgetStatement = (fenced: boolean): string => `
  WITH term AS (${termRow(fenced, 1)}),
       d AS (
         SELECT d.id FROM term, device d
          WHERE d.gone_at IS NOT NULL
            AND ${KEPT_TABLES.map((table) => `NOT EXISTS (SELECT FROM ${table} c WHERE c.device = d.id)`).join(' AND ')}
          ORDER BY d.id LIMIT ${DEVICES} FOR UPDATE OF d SKIP LOCKED),
       gone AS (DELETE FROM device WHERE id = ANY (ARRAY(SELECT id FROM d)) RETURNING id)
  SELECT EXISTS (SELECT FROM term) AS leads, (SELECT count(*) FROM gone)::int AS deleted`;
