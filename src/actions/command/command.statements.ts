import { termRow } from '../../database/write-fence.js';
import { once } from '../../database/write-statement.js';
import { VISIBLE_DEVICE } from '../../directory/access-scope.js';
import { COMMAND_COLUMNS } from './device-command.js';

// $1..$4 are the device and the scope; what is out of sight is not touched and not returned.
const FIELD_VALUES = '$5::varchar, $6::timestamptz, $7::jsonb, $8::int, $9::text, $10::jsonb';

/**
 * Requests that a command remembers. Each entry has 24 bytes, and all of them are written with each update: 3 kB of
 * log with 256, 63 kB with 1,024.
 */
const MAX_REMEMBERED = 256;

/** The request that is looked for: its key and content (null: not to be remembered), now, and since when it counts. */
const request = (key: string, content: string, seconds: string) => `
       q AS (SELECT ${key}::bytea AS key, ${content}::bytea AS content,
                    int4send(s.now) AS now, int4send(s.now - ${seconds}::int) AS since
               FROM (SELECT extract(epoch FROM clock_timestamp())::int AS now) s)`;
/** Whether the command has the request in its `recent`. */
const IS_REPEAT = `EXISTS (
  SELECT FROM unnest(c.recent) r WHERE substring(r, 1, 16) = q.key || q.content AND substring(r, 17) >= q.since)`;

/**
 * Always one row: `leads`, and the command's columns, empty where nothing was changed.
 *
 * $11 is the command, $12 to $14 the request: key, content, and the seconds for which it is remembered.
 */
export const updateStatement = (fenced: boolean): string => `
  WITH term AS (${termRow(fenced, 15)}),
       d AS (${VISIBLE_DEVICE}),
       f (command, timestamp, parameters, lifetime, status, result) AS (VALUES (${FIELD_VALUES})),
       ${request('$12', '$13', '$14')},
       changed AS (
         UPDATE device_command c
            SET command = coalesce(f.command, c.command),
                timestamp = coalesce(f.timestamp, c.timestamp),
                parameters = coalesce(f.parameters, c.parameters),
                lifetime = coalesce(f.lifetime, c.lifetime),
                status = coalesce(f.status, c.status),
                result = coalesce(f.result, c.result),
                is_updated = true,
                -- The clock may stand still or run backwards; (id, last_updated) is the version that watchers order by.
                last_updated = greatest(date_trunc('milliseconds', clock_timestamp()),
                                        c.last_updated + interval '1 ms'),
                recent = CASE WHEN q.key IS NULL THEN c.recent ELSE ARRAY(
                  SELECT r FROM unnest(c.recent[cardinality(c.recent) - ${MAX_REMEMBERED - 2}:]) WITH ORDINALITY x (r, n)
                   WHERE substring(r, 1, 8) <> q.key AND substring(r, 17) >= q.since ORDER BY n
                ) || (q.key || q.content || q.now) END
           FROM d, f, q, term
          WHERE c.id = $11 AND c.device = d.id AND (q.key IS NULL OR NOT ${IS_REPEAT})
         RETURNING ${COMMAND_COLUMNS})
  SELECT EXISTS (SELECT FROM term) AS leads, changed.* FROM (SELECT) one LEFT JOIN changed ON true`;

/**
 * Always one row: `leads`, and the command's columns, empty where nothing was inserted.
 *
 * $11 to $13 are the request: key, content, and the seconds for which it is remembered. The device is locked as the
 * foreign key would, but first, so that one that is being deleted is unknown.
 */
export const insertStatement = (fenced: boolean): string => `
  WITH term AS (${termRow(fenced, 14)}),
       d AS (${VISIBLE_DEVICE} FOR KEY SHARE OF d),
       allowed AS (SELECT FROM d, term),
       ${once(`nextval('device_command_id_seq')`, 'allowed', 11)},
       f (command, timestamp, parameters, lifetime, status, result) AS (VALUES (${FIELD_VALUES})),
       n AS (SELECT date_trunc('milliseconds', clock_timestamp()) AS now),
       c AS (
         INSERT INTO device_command
           (id, device, user_id, command, timestamp, last_updated, parameters, lifetime, status, result)
         SELECT i.id, d.id, $2, f.command, coalesce(f.timestamp, n.now), n.now,
                f.parameters, f.lifetime, f.status, f.result
           FROM i, d, f, n
         RETURNING *),
       inserted AS (SELECT ${COMMAND_COLUMNS} FROM c, d)
  SELECT EXISTS (SELECT FROM term) AS leads, inserted.* FROM (SELECT) one LEFT JOIN inserted ON true`;

/** $5 is the command. */
export const FIND = `
  WITH d AS (${VISIBLE_DEVICE})
  SELECT ${COMMAND_COLUMNS} FROM device_command c JOIN d ON c.device = d.id WHERE c.id = $5`;

/** The command $5, if it remembers the request in $6 to $8: key, content, seconds. */
export const FIND_UPDATED = `
  WITH d AS (${VISIBLE_DEVICE}), ${request('$6', '$7', '$8')}
  SELECT ${COMMAND_COLUMNS} FROM q, device_command c JOIN d ON c.device = d.id WHERE c.id = $5 AND ${IS_REPEAT}`;

/** The command that the request with key $5 and content $6 has made. */
export const FIND_INSERTED = `
  WITH d AS (${VISIBLE_DEVICE})
  SELECT ${COMMAND_COLUMNS}
    FROM recent_insert r JOIN device_command c ON c.id = r.made_id JOIN d ON c.device = d.id
   WHERE r.request = $5 AND r.content = $6`;

/** $1 are seconds. */
export const FORGET_INSERTS = `
  DELETE FROM recent_insert WHERE at < clock_timestamp() - make_interval(secs => $1)`;
