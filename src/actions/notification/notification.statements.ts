import { joinDevice, VISIBLE_DEVICE } from '../../directory/access-scope.js';
import { MAX_PAGE_BYTES } from '../shared/list-page.js';
import { NOTIFICATION_COLUMNS } from './device-notification.js';

// $1..$5 are the device and the scope; what is out of sight is not touched and not returned.

/** $6 is the notification. */
export const FIND = {
  name: 'notification_find',
  text: `
  WITH d AS (${VISIBLE_DEVICE})
  SELECT ${NOTIFICATION_COLUMNS} FROM device_notification n JOIN d ON n.device = d.id WHERE n.id = $6`,
};

/** $1 is the notification; who asks has been let in before. */
export const FIND_AGAIN = {
  name: 'notification_find_again',
  text: `
  SELECT ${NOTIFICATION_COLUMNS} FROM device_notification n ${joinDevice('n.device')} WHERE n.id = $1`,
};

/** What a list may be sorted by. Texts in the order of their bytes, the same on every database. */
export const SORT_COLUMNS: ReadonlyMap<string, string> = new Map([
  ['timestamp', 'n.timestamp'],
  ['notification', 'n.notification COLLATE "C"'],
]);

/**
 * No row where the device is out of sight, else at least one: `fits`, and the notification's columns, empty where the
 * page has none, or is too long.
 *
 * The page is made of ids alone, and the device is a sub-select, so that by time both come from the index.
 * @param filters for the notification `n`
 * @param page its LIMIT and OFFSET
 */
export const listText = (filters: string, order: string, page: string): string => `
  WITH d AS (${VISIBLE_DEVICE}),
       page AS (
         SELECT n.id FROM device_notification n
          WHERE n.device = (SELECT id FROM d)${filters}
          ORDER BY ${order} ${page}),
       size AS (
         SELECT count(*) <= 1 OR coalesce(sum(octet_length(n.parameters::text)), 0) <= ${MAX_PAGE_BYTES} AS fits
           FROM page JOIN device_notification n ON n.id = page.id)
  SELECT size.fits, ${NOTIFICATION_COLUMNS}
    FROM d CROSS JOIN size LEFT JOIN (page JOIN device_notification n ON n.id = page.id) ON size.fits
   ORDER BY ${order}`;
