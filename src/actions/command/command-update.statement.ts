import type { Statement } from '../../database/queries.js';
import { termRow } from '../../database/write-fence.js';
import { visibleDevice } from '../../directory/access-scope.js';
import { ASKING, placeOf } from '../shared/batch-rows.js';
import { answerOf, BATCH, SECONDS, TERM } from './command-batch.js';
import { COMMAND_COLUMNS, STORED_COLUMNS } from './device-command.js';

/**
 * Requests that a command remembers. Each entry has 24 bytes, and all of them are written with each update: 3 kB of
 * log with 256, 63 kB with 1,024.
 */
const MAX_REMEMBERED = 256;

/** Epoch seconds as four bytes without a sign, as `recent` has them: they last until 2106, and sort as the numbers do. */
const asBytes = (seconds: string): string => `substring(int8send(${seconds}), 5)`;

/** The command of a row `q` of the batch. Not `=` for the device, which would offer the index by time to the planner. */
const COMMAND = `device_command c WHERE c.id = q.command_id AND c.device IS NOT DISTINCT FROM d.device_pk`;
/** Whether the command has the request in its `recent`. */
const IS_REPEAT = `EXISTS (
  SELECT FROM unnest(c.recent) r WHERE substring(r, 1, 16) = q.key || q.content AND substring(r, 17) >= s.since)`;

/**
 * For each row of the batch what became of it, and the command as it is now; no row at all where the term is over.
 *
 * Each row is looked up for itself (OFFSET and FOR UPDATE see to it), by its key however small the tables are when
 * this is planned. Rows that others hold are passed over, so no batch ever waits for a row, or dead-locks.
 * `state = 'new'` counts as one row for the planner, which then joins by key, too.
 */
const text = (fenced: boolean): string => `
  WITH term AS (${termRow(fenced, TERM)}),
       q AS (${BATCH.rows} ORDER BY command_id),
       s AS (SELECT ${asBytes('now')} AS now, ${asBytes(`now - $${SECONDS}::int`)} AS since
               FROM (SELECT extract(epoch FROM clock_timestamp())::bigint AS now) s),
       held AS (
         SELECT q.*, s.*, d.*, ${STORED_COLUMNS},
                CASE WHEN c.id IS NULL AND EXISTS (SELECT FROM ${COMMAND}) THEN 'locked'
                     WHEN c.id IS NULL THEN 'unknown'
                     WHEN ${IS_REPEAT} THEN 'done'
                     ELSE 'new' END AS state
           FROM term, s, q
           LEFT JOIN LATERAL (${visibleDevice(ASKING)} OFFSET 0)
             d (device_pk, device_id, network_id, device_type_id) ON true
           LEFT JOIN LATERAL (SELECT ${STORED_COLUMNS}, c.recent FROM ${COMMAND} FOR UPDATE SKIP LOCKED) c ON true),
       changed AS (
         UPDATE device_command c
            SET command = coalesce(d.set_command, c.command),
                timestamp = coalesce(d.set_timestamp, c.timestamp),
                parameters = coalesce(d.set_parameters::jsonb, c.parameters),
                lifetime = coalesce(d.set_lifetime, c.lifetime),
                status = coalesce(d.set_status, c.status),
                result = coalesce(d.set_result::jsonb, c.result),
                is_updated = true,
                -- The clock may stand still or run backwards; (id, last_updated) is the version that watchers order by.
                last_updated = greatest(date_trunc('milliseconds', clock_timestamp()),
                                        c.last_updated + interval '1 ms'),
                recent = CASE WHEN d.key IS NULL THEN c.recent ELSE ARRAY(
                  SELECT r FROM unnest(c.recent[cardinality(c.recent) - ${MAX_REMEMBERED - 2}:]) WITH ORDINALITY x (r, n)
                   WHERE substring(r, 1, 8) <> d.key AND substring(r, 17) >= d.since ORDER BY n
                ) || (d.key || d.content || d.now) END
           FROM held d
          WHERE c.id = d.id AND d.state = 'new'
         RETURNING d.n::int, 'done' AS state, ${COMMAND_COLUMNS})
  ${answerOf(`
    SELECT * FROM changed
    UNION ALL
    SELECT c.n::int, c.state, ${COMMAND_COLUMNS} FROM held c, ${placeOf('c')} WHERE c.state <> 'new'`)}`;

const STATEMENTS = [false, true].map((fenced) => ({ name: `command_update_${fenced}`, text: text(fenced) }));
export const updateStatement = (fenced: boolean): Statement => STATEMENTS[Number(fenced)]!;
