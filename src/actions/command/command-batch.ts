import type { AccessScope } from '../../directory/access-scope.js';
import { type Fingerprint, fingerprintValues } from '../../transport/replay-window.js';
import * as shared from '../shared/batch-rows.js';
import type { CommandFields } from './device-command.js';

/** What a request asks for in a batch of updates or inserts. */
export const BATCH = shared.batchOf({
  set_command: 'varchar',
  set_timestamp: 'timestamptz',
  set_parameters: 'text',
  set_lifetime: 'int',
  set_status: 'text',
  set_result: 'text',
  key: 'bytea',
  content: 'bytea',
  command_id: 'bigint',
});

/** The parameters after the batch: for how many seconds a request is remembered, how long an answered row may be, the term. */
export const SECONDS = BATCH.next;
const BYTES = SECONDS + 1;
export const TERM = BYTES + 1;

const SHORT =
  'n, state, id, command, timestamp, last_updated, user_id, device_id, network_id, device_type_id, lifetime';

/**
 * @param rows a statement for `n`, `state` and `COMMAND_COLUMNS`
 * @param bytes the number of the parameter that says how long an answered row may be
 */
export const answerOf = (rows: string, bytes = BYTES): string =>
  shared.answerOf(rows, SHORT, ['parameters', 'status', 'result'], bytes);

/**
 * Updates of one command, and repeats of one insert, are written one after the other; inserts for one device in their order.
 * @param commandId of an update
 */
export function batchedCommand(
  scope: AccessScope,
  deviceId: string,
  { command, timestamp, parameters, lifetime, status, result }: CommandFields,
  request: Fingerprint | undefined,
  commandId?: number,
): shared.BatchedRow {
  const fields = [command, timestamp?.toISOString(), parameters?.text, lifetime, status, result?.text];
  return {
    key: commandId ?? request?.key,
    series: commandId === undefined ? deviceId : undefined,
    owner: scope,
    weight: shared.weightOf(parameters?.text, status, result?.text),
    values: [...shared.askingValues(scope, deviceId), ...fields, ...fingerprintValues(request), commandId],
  };
}

/** The parameters up to that of the term. */
export function valuesOf(batch: shared.BatchedRow[], seconds: number): unknown[] {
  return [...BATCH.values(batch), seconds, shared.bytesEach(batch)];
}
