import type { Counted } from '../../database/examined-rows.js';
import { termRow } from '../../database/write-fence.js';
import { once } from '../../database/write-statement.js';
import { VISIBLE_DEVICE } from '../../directory/access-scope.js';
import { MAX_PAGE_BYTES } from '../shared/list-page.js';
import { NOTIFICATION_COLUMNS } from './device-notification.js';

// $1..$4 are the device and the scope; what is out of sight is not touched and not returned.

/**
 * Always one row: `leads`, and the notification's columns, empty where nothing was inserted.
 *
 * $5 to $7 are name, timestamp and parameters, $8 to $10 the request: key, content, seconds. The device is locked as
 * its foreign key would, but first, so that one that is being deleted is unknown.
 */
export const insertStatement = (fenced: boolean): string => `
  WITH term AS (${termRow(fenced, 11)}),
       d AS (${VISIBLE_DEVICE} FOR KEY SHARE OF d),
       allowed AS (SELECT FROM d, term),
       ${once(`nextval('device_notification_id_seq')`, 'allowed', 8)},
       n AS (
         INSERT INTO device_notification (id, device, notification, timestamp, parameters)
         SELECT i.id, d.id, $5::varchar,
                coalesce($6::timestamptz, date_trunc('milliseconds', clock_timestamp())), $7::jsonb
           FROM i, d
         RETURNING *),
       inserted AS (SELECT ${NOTIFICATION_COLUMNS} FROM n, d)
  SELECT EXISTS (SELECT FROM term) AS leads, inserted.* FROM (SELECT) one LEFT JOIN inserted ON true`;

/** $5 is the notification. */
export const FIND = `
  WITH d AS (${VISIBLE_DEVICE})
  SELECT ${NOTIFICATION_COLUMNS} FROM device_notification n JOIN d ON n.device = d.id WHERE n.id = $5`;

/** The notification that the request with key $5 and content $6 has made. */
export const FIND_INSERTED = `
  WITH d AS (${VISIBLE_DEVICE})
  SELECT ${NOTIFICATION_COLUMNS}
    FROM recent_insert r JOIN device_notification n ON n.id = r.made_id JOIN d ON n.device = d.id
   WHERE r.request = $5 AND r.content = $6`;

/** What a list may be sorted by. Texts in the order of their bytes, the same on every database. */
export const SORT_COLUMNS: ReadonlyMap<string, string> = new Map([
  ['timestamp', 'n.timestamp'],
  ['notification', 'n.notification COLLATE "C"'],
]);

/**
 * No row where the device is out of sight, else at least one: `fits`, and the notification's columns, empty where the
 * page has none, or is too long.
 *
 * $5 and $6 are the first and the last timestamp, $7 the name, $8 and $9 limit and offset. The page is made of ids
 * alone, and the device is a sub-select, so that by time both come from the index.
 */
export const listStatement = (order: string, counted: Counted): string => `
  WITH d AS (${VISIBLE_DEVICE}),
       page AS (
         SELECT n.id FROM device_notification n
          WHERE n.device = (SELECT id FROM d)
            AND ($5::timestamptz IS NULL OR n.timestamp >= $5)
            AND ($6::timestamptz IS NULL OR n.timestamp <= $6)
            AND ${counted('($7::varchar IS NULL OR n.notification = $7)')}
          ORDER BY ${order} LIMIT $8::bigint OFFSET $9::bigint),
       size AS (
         SELECT count(*) <= 1 OR coalesce(sum(octet_length(n.parameters::text)), 0) <= ${MAX_PAGE_BYTES} AS fits
           FROM page JOIN device_notification n ON n.id = page.id)
  SELECT size.fits, ${NOTIFICATION_COLUMNS}
    FROM d CROSS JOIN size LEFT JOIN (page JOIN device_notification n ON n.id = page.id) ON size.fits
   ORDER BY ${order}`;
