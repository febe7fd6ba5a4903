import type { Counted } from '../../database/examined-rows.js';
import { seesDeviceType, seesNetwork, VISIBLE_DEVICE } from '../../directory/access-scope.js';
import { MAX_PAGE_BYTES } from '../shared/list-page.js';
import { DEVICE_COLUMNS } from './device.js';

// $2..$4 are the scope; what is out of sight is not returned.

/** $1 is the device. */
export const FIND = `
  WITH d AS (${VISIBLE_DEVICE})
  SELECT ${DEVICE_COLUMNS} FROM device x JOIN d ON x.id = d.id`;

const FILTERS = `
  ($1::varchar IS NULL OR x.name = $1)
    AND ($5::varchar IS NULL OR x.name LIKE $5 ESCAPE '')
    AND ($7::varchar IS NULL OR w.name = $7)
    AND ${seesNetwork('x.network_id')} AND ${seesDeviceType('x.device_type_id')}`;

/** $1 is the name, $5 the pattern, $6 the network, $7 its name. */
const matching = (counted: Counted): string => `
  FROM device x JOIN network w ON w.id = x.network_id JOIN dh_user u ON u.id = $2 AND u.status = 0
 WHERE ($6::bigint IS NULL OR x.network_id = $6)
   AND ${counted(FILTERS)}`;

/** The user, so that there is no row where nobody active asks. */
const ACTIVE_USER = 'dh_user u WHERE u.id = $2 AND u.status = 0';

export const countStatement = (counted: Counted): string =>
  `SELECT (SELECT count(*) ${matching(counted)}) AS count FROM ${ACTIVE_USER}`;

/**
 * What a list may be sorted by. Texts in the order of their bytes, the same on every database. Devices have no status since DeviceHive 3; whether they are blocked comes closest.
 */
export const SORT_COLUMNS: ReadonlyMap<string, string> = new Map([
  ['name', 'x.name COLLATE "C"'],
  ['status', 'x.blocked'],
  ['network', 'w.name COLLATE "C"'],
]);

/**
 * No row where the user is not active, else at least one: `fits`, and the device's columns, empty where the page has
 * none, or is too long. $8 and $9 are limit and offset.
 */
export const listStatement = (order: string, counted: Counted): string => `
  WITH u AS (SELECT FROM ${ACTIVE_USER}),
       page AS (SELECT x.id ${matching(counted)} ORDER BY ${order} LIMIT $8::bigint OFFSET $9::bigint),
       size AS (
         SELECT count(*) <= 1 OR coalesce(sum(octet_length(x.data::text)), 0) <= ${MAX_PAGE_BYTES} AS fits
           FROM page JOIN device x ON x.id = page.id)
  SELECT size.fits, ${DEVICE_COLUMNS}
    FROM u CROSS JOIN size
    LEFT JOIN (page JOIN device x ON x.id = page.id JOIN network w ON w.id = x.network_id) ON size.fits
   ORDER BY ${order}`;
