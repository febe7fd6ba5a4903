import type { Statement } from '../../database/queries.js';
import { placeOf } from '../shared/batch-rows.js';
import { askedRows, firstOf, stateOf } from '../shared/batched-insert.js';
import { answerOf, BATCH, SECONDS, TERM } from './command-batch.js';
import { COMMAND_COLUMNS, STORED_COLUMNS } from './device-command.js';

/**
 * For each row of the batch what became of it, and the command that was made, now or by the same request before; no
 * row at all where the term is over.
 */
const text = (fenced: boolean): string => `
  WITH ${askedRows(fenced, BATCH, 'device_command_id_seq', { seconds: SECONDS, term: TERM })},
       settled AS (
         SELECT c.*, set_command AS command, coalesce(set_timestamp, now) AS timestamp, now AS last_updated,
                for_user AS user_id, set_parameters::jsonb AS parameters, set_lifetime AS lifetime,
                set_status AS status, set_result::jsonb AS result
           FROM asked c),
       made AS (
         INSERT INTO device_command
           (id, device, user_id, command, timestamp, last_updated, parameters, lifetime, status, result)
         SELECT id, device, user_id, command, timestamp, last_updated, parameters, lifetime, status, result
           FROM settled WHERE is_new
         RETURNING id, user_id, command, timestamp, last_updated, parameters, lifetime, status, result)
  ${answerOf(`
    SELECT q.n::int, 'done' AS state, ${COMMAND_COLUMNS} FROM made c JOIN settled q ON q.id = c.id, ${placeOf('q')}
    UNION ALL
    SELECT q.n::int, ${stateOf('c')}, ${COMMAND_COLUMNS}
      FROM settled q
      LEFT JOIN LATERAL (${firstOf('device_command', STORED_COLUMNS)} OFFSET 0) c ON true, ${placeOf('q')}
     WHERE NOT is_new`)}`;

const STATEMENTS = [false, true].map((fenced) => ({ name: `command_insert_${fenced}`, text: text(fenced) }));
export const insertStatement = (fenced: boolean): Statement => STATEMENTS[Number(fenced)]!;
