import {
  type AccessScope,
  VISIBLE_DEVICE,
  visibleDeviceParameters,
} from '../../../directory/access-scope.js';
import { type Counted, uncounted } from '../../../database/examined-rows.js';
import type { Statement } from '../../../database/queries.js';
import { Filters, nameOfList } from '../../shared/filters.js';
import { limitsOf, MAX_PAGE_BYTES, orderOf } from '../../shared/list-page.js';
import { COMMAND_COLUMNS } from '../device-command.js';
import type { ListCommandsDto } from '../dto/list-commands.dto.js';

/** What a list can be sorted by. Texts in the order of their bytes, the same on every database. */
const SORT_COLUMNS: ReadonlyMap<string, string> = new Map([
  ['timestamp', 'c.timestamp'],
  ['status', 'c.status COLLATE "C"'],
  ['command', 'c.command COLLATE "C"'],
]);

/**
 * No row where the device is out of sight, else at least one: `fits`, and the command's columns, empty where the
 * page has no command, or where it is too long.
 *
 * The page is made of ids alone, which by timestamp are all in `device_command_by_time`: commands that are skipped are
 * not read.
 * @param filters for the command `c`; $1..$5 are the device and the scope
 * @param page its LIMIT and OFFSET
 */
const listText = (filters: string, order: string, page: string): string => `
  WITH d AS (${VISIBLE_DEVICE}),
       page AS (
         SELECT ARRAY(
             SELECT c.id FROM device_command c
              WHERE c.device = d.id${filters}
              ORDER BY ${order} ${page}) AS ids
           FROM d),
       length AS (
         SELECT count(*) <= 1 OR sum(octet_length(concat(c.status, c.parameters, c.result))) <= ${MAX_PAGE_BYTES} AS fits
           FROM page JOIN device_command c ON c.id = ANY (page.ids))
  SELECT length.fits, ${COMMAND_COLUMNS}
    FROM d CROSS JOIN page CROSS JOIN length LEFT JOIN device_command c ON length.fits AND c.id = ANY (page.ids)
   ORDER BY ${order}`;

/** The page that a request asks for; prepared if it is in the order of time. */
export function listQuery(
  scope: AccessScope,
  request: ListCommandsDto,
  counted: Counted = uncounted,
): { statement: Statement; values: unknown[] } {
  const { deviceId, start, end, command, names, status } = request;
  const filters = new Filters(visibleDeviceParameters(scope, deviceId))
    .find(start?.toISOString(), (value) => `c.timestamp >= ${value}::timestamptz`)
    .find(end?.toISOString(), (value) => `c.timestamp <= ${value}::timestamptz`)
    .examine(command, (value) => `c.command = ${value}::varchar`)
    .examine(names?.length ? names : null, (value) => `c.command = ANY (${value}::varchar[])`)
    .examine(status, (value) => `lower(c.status) = lower(${value}::text)`);
  const order = orderOf(request, SORT_COLUMNS, 'c.timestamp', 'c.id');
  const text = listText(filters.sql(counted), order, filters.hiddenPage(limitsOf(request)));
  const statement = filters.statement(text, nameOfList('command_list', order, 'c.timestamp'));
  return { statement, values: filters.values };
}
