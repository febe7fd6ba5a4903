import type { PreparedStatement } from '../../database/write-pool.js';
import { termRow } from '../../database/write-fence.js';
import { visibleDevice } from '../../directory/access-scope.js';
import { answerOf, ASKING, BATCH, placeOf, SECONDS, TERM } from './command-batch.js';
import { COMMAND_COLUMNS, STORED_COLUMNS } from './device-command.js';

/** What a request that is repeated has made: a row as long as it is remembered, empty where the command is gone. */
const FIRST = `
  SELECT r.made_id, ${STORED_COLUMNS} FROM recent_insert r
    LEFT JOIN device_command c ON c.id = r.made_id AND c.device IS NOT DISTINCT FROM q.device
   WHERE q.device IS NOT NULL AND r.request = q.key AND r.content = q.content`;

/**
 * For each row of the batch what became of it, and the command that was made, now or by the same request before; no
 * row at all where the term is over.
 *
 * The device is locked as the foreign key would, but first, so that one that is being deleted is unknown. Devices that
 * others hold are passed over; a repeat whose first request another process is committing just now counts as locked.
 * `recent_insert` is taken in the order of its key: two processes that are handed the same requests may wait there.
 */
const text = (fenced: boolean): string => `
  WITH term AS (${termRow(fenced, TERM)}),
       q AS (${BATCH}),
       held AS (
         SELECT q.*, d.*
           FROM term, q
           LEFT JOIN LATERAL (${visibleDevice(ASKING)} FOR KEY SHARE OF d SKIP LOCKED)
             d (device, device_id, network_id, device_type_id) ON true),
       numbered AS (
         SELECT h.*, CASE WHEN device IS NOT NULL THEN nextval('device_command_id_seq') END AS id,
                date_trunc('milliseconds', clock_timestamp()) AS now
           FROM held h ORDER BY n),
       remembered AS (
         INSERT INTO recent_insert AS r (request, content, made_id, at)
         SELECT key, content, id, clock_timestamp() FROM numbered
          WHERE id IS NOT NULL AND key IS NOT NULL ORDER BY key
         ON CONFLICT (request) DO UPDATE
           SET content = excluded.content, made_id = excluded.made_id, at = excluded.at
           WHERE r.content <> excluded.content
              OR r.at < excluded.at - make_interval(secs => $${SECONDS}::int)
         RETURNING made_id),
       settled AS (
         SELECT c.*, id IS NOT NULL AND (key IS NULL OR id IN (SELECT made_id FROM remembered)) AS is_new,
                set_command AS command, coalesce(set_timestamp, now) AS timestamp, now AS last_updated,
                for_user AS user_id, set_parameters::jsonb AS parameters, set_lifetime AS lifetime,
                set_status AS status, set_result::jsonb AS result
           FROM numbered c),
       made AS (
         INSERT INTO device_command
           (id, device, user_id, command, timestamp, last_updated, parameters, lifetime, status, result)
         SELECT id, device, user_id, command, timestamp, last_updated, parameters, lifetime, status, result
           FROM settled WHERE is_new
         RETURNING id, user_id, command, timestamp, last_updated, parameters, lifetime, status, result)
  ${answerOf(`
    SELECT q.n::int, 'done' AS state, ${COMMAND_COLUMNS} FROM made c JOIN settled q ON q.id = c.id, ${placeOf('q')}
    UNION ALL
    SELECT q.n::int,
           CASE WHEN c.id IS NOT NULL THEN 'done'
                WHEN c.made_id IS NULL AND (q.device IS NOT NULL OR EXISTS (${visibleDevice(ASKING)})) THEN 'locked'
                ELSE 'unknown' END,
           ${COMMAND_COLUMNS}
      FROM settled q
      LEFT JOIN LATERAL (${FIRST} OFFSET 0) c ON true, ${placeOf('q')}
     WHERE NOT is_new`)}`;

const STATEMENTS = [false, true].map((fenced) => ({ name: `command_insert_${fenced}`, text: text(fenced) }));
export const insertStatement = (fenced: boolean): PreparedStatement => STATEMENTS[Number(fenced)]!;
