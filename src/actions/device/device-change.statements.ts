import type { Statement } from '../../database/queries.js';
import { termRow } from '../../database/write-fence.js';
import { once } from '../../database/write-statement.js';
import {
  deviceExists,
  isInForce,
  seesDeviceType,
  seesNetwork,
  VISIBLE_DEVICE,
} from '../../directory/access-scope.js';
import { NOTIFICATION_COLUMNS } from '../notification.exports.js';
import { DEVICE_JSON } from './device.js';

// $1..$5 are the device and the scope. The device is locked before anything else, so that a device that somebody
// moves or deletes at the same time is judged as it is then.

/** Not `x.*`: a column that somebody has added may be called `told`, too. */
const SAVED = 'x.id, x.device_id, x.name, x.data, x.network_id, x.device_type_id, x.blocked';

/** The network or device type that is asked for, or the device's own, or the first: one of the user's, or any in sight. */
const pick = (table: string, asked: string, own: string, sees: (id: string) => string): string => `(
  SELECT p.id FROM ${table} p LEFT JOIN user_${table} o ON o.${table}_id = p.id AND o.user_id = u.id
   WHERE p.id = coalesce(${asked}::bigint, ${own}, p.id) AND ${sees('p.id')}
   ORDER BY o.user_id NULLS LAST, p.id LIMIT 1)`;

/**
 * Creates or changes a device, and stores the notification that tells of it. Always one row: `leads`, what there is
 * to refuse, and the notification's columns, empty where nothing was saved.
 *
 * $6 to $10 are name, data, network, device type and blocked, $11 to $13 the request: key, content, seconds.
 * A device that is created at the same time makes it fail (23505), and so does a network that goes (23503).
 */
const saveText = (fenced: boolean): string => `
  WITH term AS (${termRow(fenced, 14)}),
       u AS (SELECT u.id, u.role, u.all_device_types_available FROM dh_user u WHERE u.id = $2 AND ${isInForce()}),
       d AS (${VISIBLE_DEVICE} FOR NO KEY UPDATE OF d),
       place AS (
         SELECT d.id AS device,
                ${pick('network', '$8', 'd.network_id', seesNetwork)} AS network_id,
                ${pick('device_type', '$9', 'd.device_type_id', seesDeviceType)} AS device_type_id
           FROM u LEFT JOIN d ON true),
       allowed AS (
         SELECT place.* FROM place, term
          WHERE network_id IS NOT NULL AND device_type_id IS NOT NULL
            AND (device IS NOT NULL OR NOT ${deviceExists('$1')})),
       ${once(`nextval('device_notification_id_seq')`, 'allowed', 11)},
       updated AS (
         UPDATE device x
            SET name = coalesce($6::varchar, x.name), data = coalesce($7::jsonb, x.data),
                network_id = allowed.network_id, device_type_id = allowed.device_type_id,
                blocked = coalesce($10::boolean, x.blocked)
           FROM allowed, i WHERE x.id = allowed.device
         RETURNING ${SAVED}, '$device-update' AS told),
       created AS (
         INSERT INTO device AS x (device_id, name, data, network_id, device_type_id, blocked)
         SELECT $1, coalesce($6::varchar, $1), $7::jsonb, network_id, device_type_id, coalesce($10::boolean, false)
           FROM allowed, i WHERE device IS NULL
         RETURNING ${SAVED}, '$device-add' AS told),
       d_saved AS (SELECT * FROM updated UNION ALL SELECT * FROM created),
       n AS (
         INSERT INTO device_notification (id, device, notification, timestamp, parameters)
         SELECT i.id, x.id, x.told, date_trunc('milliseconds', clock_timestamp()), ${DEVICE_JSON}
           FROM d_saved x, i
         RETURNING *),
       stored AS (SELECT ${NOTIFICATION_COLUMNS} FROM n, d_saved d)
  SELECT EXISTS (SELECT FROM term) AS leads,
         EXISTS (SELECT FROM u) AS is_active,
         ${deviceExists('$1')} AND NOT EXISTS (SELECT FROM d) AS is_hidden,
         place.network_id IS NOT NULL AS has_network, place.device_type_id IS NOT NULL AS has_type,
         EXISTS (SELECT FROM u WHERE role = 0) AND NOT EXISTS (SELECT FROM network) AS lacks_networks,
         EXISTS (SELECT FROM u WHERE role = 0) AND NOT EXISTS (SELECT FROM device_type) AS lacks_types, stored.*
    FROM (SELECT) one LEFT JOIN place ON true LEFT JOIN stored ON true`;

export const saveStatement = (fenced: boolean): Statement => ({
  name: `device_save_${fenced}`,
  text: saveText(fenced),
});

/** A row where the request with key $6 and content $7 was executed; with the notification, as long as it is in sight. */
export const FIND_SAVED = {
  name: 'device_find_saved',
  text: `
  WITH d AS (${VISIBLE_DEVICE}),
       stored AS (SELECT ${NOTIFICATION_COLUMNS} FROM device_notification n JOIN d ON n.device = d.id)
  SELECT stored.* FROM recent_insert r LEFT JOIN stored ON stored.id = r.made_id
   WHERE r.request = $6 AND r.content = $7`,
};

/**
 * Always one row: `leads`, and the id of the row that is gone; null if nothing was deleted. Its commands and
 * notifications, which nobody sees any more, are deleted later: there may be millions. $6 to $8 are the request: key, content, seconds.
 */
const deleteText = (fenced: boolean): string => `
  WITH term AS (${termRow(fenced, 9)}),
       d AS (${VISIBLE_DEVICE} FOR UPDATE OF d),
       allowed AS (SELECT d.id FROM d, term),
       ${once('allowed.id', 'allowed', 6)},
       gone AS (UPDATE device x SET gone_at = clock_timestamp() FROM i WHERE x.id = i.id RETURNING x.id)
  SELECT EXISTS (SELECT FROM term) AS leads, gone.id FROM (SELECT) one LEFT JOIN gone ON true`;

export const deleteStatement = (fenced: boolean): Statement => ({
  name: `device_delete_${fenced}`,
  text: deleteText(fenced),
});

/** Whether the request with key $1 and content $2 was executed. */
export const IS_DELETED = {
  name: 'device_is_deleted',
  text: 'SELECT FROM recent_insert WHERE request = $1 AND content = $2',
};
