import { isInForce, VISIBLE_DEVICE, visibleDevices } from '../../directory/access-scope.js';
import { MAX_PAGE_BYTES } from '../shared/list-page.js';
import { DEVICE_COLUMNS } from './device.js';

// What is out of sight is not returned.

/** $1 is the device, $2..$5 are the scope. */
export const FIND = {
  name: 'device_find',
  text: `
  WITH d AS (${VISIBLE_DEVICE})
  SELECT ${DEVICE_COLUMNS} FROM device x JOIN d ON x.id = d.id`,
};

/** $1 is the user, $2 and $3 what the token is limited to, $4 its generation. */
const SCOPE = {
  user: '$1',
  networks: '$2::bigint[]',
  deviceTypes: '$3::bigint[]',
  generation: '$4::int',
};

/** @param filters for the device `x` and its network `w` */
const matching = (filters: string): string => `
  FROM (${visibleDevices(SCOPE)}) x JOIN network w ON w.id = x.network_id WHERE true${filters}`;

/** The user, so that there is no row where nobody active asks. */
const ACTIVE_USER = `dh_user u WHERE u.id = $1 AND ${isInForce(SCOPE.generation)}`;

export const countText = (filters: string): string =>
  `SELECT (SELECT count(*) ${matching(filters)}) AS count FROM ${ACTIVE_USER}`;

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
 * none, or is too long.
 * @param page its LIMIT and OFFSET
 */
export const listText = (filters: string, order: string, page: string): string => `
  WITH u AS (SELECT FROM ${ACTIVE_USER}),
       page AS (SELECT x.id ${matching(filters)} ORDER BY ${order} ${page}),
       size AS (
         SELECT count(*) <= 1 OR coalesce(sum(octet_length(x.data::text)), 0) <= ${MAX_PAGE_BYTES} AS fits
           FROM page JOIN device x ON x.id = page.id)
  SELECT size.fits, ${DEVICE_COLUMNS}
    FROM u CROSS JOIN size
    LEFT JOIN (page JOIN device x ON x.id = page.id JOIN network w ON w.id = x.network_id) ON size.fits
   ORDER BY ${order}`;
