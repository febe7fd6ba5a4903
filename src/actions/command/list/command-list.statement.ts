import { type Counted, uncounted } from '../../../database/examined-rows.js';
import { VISIBLE_DEVICE } from '../../../directory/access-scope.js';
import { MAX_PAGE_BYTES } from '../../shared/list-page.js';
import { COMMAND_COLUMNS } from '../device-command.js';

/** What a list can be sorted by. Texts in the order of their bytes, the same on every database. */
export const SORT_COLUMNS: ReadonlyMap<string, string> = new Map([
  ['timestamp', 'c.timestamp'],
  ['status', 'c.status COLLATE "C"'],
  ['command', 'c.command COLLATE "C"'],
]);

const FILTERS = `
  ($7::varchar IS NULL OR c.command = $7)
    AND ($8::varchar[] IS NULL OR c.command = ANY ($8))
    AND ($9::text IS NULL OR lower(c.status) = lower($9))`;

/**
 * No row where the device is out of sight, else at least one: `fits`, and the command's columns, empty where the
 * page has no command, or where it is too long.
 *
 * $1..$4 are the device and the scope. $5 and $6 are the first and the last timestamp, $7 the name, $8 names, $9 the
 * status: null filters nothing. $10 and $11 are limit and offset.
 *
 * The page is made of ids alone, which by timestamp are all in `device_command_by_time`: commands that are skipped are
 * not read. That needs the plan that an unnamed statement gets, made for its values, without the filters that are null.
 */
export const listStatement = (order: string, counted: Counted = uncounted): string => `
  WITH d AS (${VISIBLE_DEVICE}),
       page AS (
         SELECT ARRAY(
             SELECT c.id FROM device_command c
              WHERE c.device = d.id
                AND ($5::timestamptz IS NULL OR c.timestamp >= $5)
                AND ($6::timestamptz IS NULL OR c.timestamp <= $6)
                AND ${counted(FILTERS)}
              ORDER BY ${order} LIMIT $10::bigint OFFSET $11::bigint) AS ids
           FROM d),
       length AS (
         SELECT count(*) <= 1 OR sum(octet_length(concat(c.status, c.parameters, c.result))) <= ${MAX_PAGE_BYTES} AS fits
           FROM page JOIN device_command c ON c.id = ANY (page.ids))
  SELECT length.fits, ${COMMAND_COLUMNS}
    FROM d CROSS JOIN page CROSS JOIN length LEFT JOIN device_command c ON length.fits AND c.id = ANY (page.ids)
   ORDER BY ${order}`;
