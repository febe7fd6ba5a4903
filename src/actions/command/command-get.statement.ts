import { visibleDevice } from '../../directory/access-scope.js';
import type { AccessScope } from '../../directory/access-scope.js';
import * as shared from '../shared/batch-rows.js';
import { answerOf } from './command-batch.js';
import { COMMAND_COLUMNS, STORED_COLUMNS } from './device-command.js';

const BATCH = shared.batchOf({ command_id: 'bigint' });

/** A request in a batch of `command/get`. */
export const wantedCommand = (
  scope: AccessScope,
  deviceId: string,
  commandId: number,
): shared.BatchedRow => ({
  owner: scope,
  weight: 1,
  values: [...shared.askingValues(scope, deviceId), commandId],
});

export const valuesOf = (batch: shared.BatchedRow[]): unknown[] => [
  ...BATCH.values(batch),
  shared.bytesEach(batch),
];

/** For each row of the batch its command, if it is there and in sight of who asks. OFFSET has each looked up for itself, by its key. */
export const GET = {
  name: 'command_get',
  text: `
  WITH q AS (${BATCH.rows})
  ${answerOf(
    `
    SELECT q.n::int, CASE WHEN c.id IS NULL THEN 'unknown' ELSE 'done' END AS state, ${COMMAND_COLUMNS}
      FROM q
      LEFT JOIN LATERAL (${visibleDevice(shared.ASKING)} OFFSET 0) d (device, device_id, network_id, device_type_id) ON true
      LEFT JOIN LATERAL (
        SELECT ${STORED_COLUMNS} FROM device_command c
         WHERE c.id = q.command_id AND c.device IS NOT DISTINCT FROM d.device OFFSET 0) c ON true`,
    BATCH.next,
  )}`,
};
