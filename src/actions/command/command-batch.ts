import type { BatchedItem } from '../shared/batched-writes.js';
import type { AccessScope, Asking, IdLimit } from '../../directory/access-scope.js';
import { type Fingerprint, fingerprintValues } from '../../transport/replay-window.js';
import type { CommandFields } from './device-command.js';

/** One request in a batch, in the order of `COLUMNS`. */
export interface BatchedCommand extends BatchedItem {
  values: unknown[];
}

/** Columns of a batch and their types. Arrays of ids differ in length, which an array of arrays cannot hold. */
const COLUMNS = {
  for_device: 'varchar',
  for_user: 'bigint',
  network_ids: 'text',
  device_type_ids: 'text',
  set_command: 'varchar',
  set_timestamp: 'timestamptz',
  set_parameters: 'text',
  set_lifetime: 'int',
  set_status: 'text',
  set_result: 'text',
  key: 'bytea',
  content: 'bytea',
  command_id: 'bigint',
};
const TYPES = Object.values(COLUMNS);

/** The first parameter that is free after the batch. */
export const AFTER_BATCH = TYPES.length + 1;

/**
 * A common table expression: the batch as rows, `n` from 1. The sub-select hides from the planner how many rows there
 * are: for one row a plan of its own would look cheaper each time, and is planned each time.
 */
export const BATCH = `
  SELECT * FROM unnest((SELECT $1::${TYPES[0]}[]), ${TYPES.slice(1).map((type, i) => `$${i + 2}::${type}[]`)})
    WITH ORDINALITY AS q (${Object.keys(COLUMNS)}, n)`;

/** Who asks in a row `q` of the batch. */
export const ASKING: Asking = {
  device: 'q.for_device',
  user: 'q.for_user',
  networks: 'q.network_ids::bigint[]',
  deviceTypes: 'q.device_type_ids::bigint[]',
};

/** The device's part of `COMMAND_COLUMNS`, where the row `alias` holds it together with the command's. */
export const placeOf = (alias: string): string =>
  `LATERAL (SELECT ${alias}.device_id, ${alias}.network_id, ${alias}.device_type_id) d`;

/** Parameters and results may have a megabyte each: with this a batch has two, or one request. */
const WEIGHT_BYTES = 8_192;

export function batchedCommand(
  { userId, networkIds, deviceTypeIds }: AccessScope,
  deviceId: string,
  { command, timestamp, parameters, lifetime, status, result }: CommandFields,
  request: Fingerprint | undefined,
  commandId?: number,
): Omit<BatchedCommand, 'key'> {
  const limits = [asText(networkIds), asText(deviceTypeIds)];
  const fields = [command, timestamp?.toISOString(), parameters?.text, lifetime, status, result?.text];
  const length = [parameters?.text, status, result?.text].reduce((sum, text) => sum + (text?.length ?? 0), 0);
  return {
    owner: userId,
    weight: 1 + Math.floor(length / WEIGHT_BYTES),
    values: [deviceId, userId, ...limits, ...fields, ...fingerprintValues(request), commandId],
  };
}

/** One array for each column. */
export function columnsOf(batch: BatchedCommand[]): unknown[][] {
  return TYPES.map((_, column) => batch.map(({ values }) => values[column] ?? null));
}

function asText(limit: IdLimit): string | null {
  return limit && `{${limit}}`;
}
