import type { BatchedItem } from '../shared/batched-writes.js';
import type { AccessScope, Asking, IdLimit } from '../../directory/access-scope.js';
import { type Fingerprint, fingerprintValues } from '../../transport/replay-window.js';
import type { CommandFields } from './device-command.js';

/** One request in a batch, in the order of `COLUMNS`. */
export interface BatchedCommand extends BatchedItem {
  values: (string | number | null | undefined)[];
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

/** The parameters after the batch: for how many seconds a request is remembered, how long an answered row may be, the term. */
export const SECONDS = TYPES.length + 1;
const BYTES = SECONDS + 1;
export const TERM = BYTES + 1;

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

/**
 * Of what a statement answers. Of 256 commands that have a megabyte each, whose status alone is set, the answer took
 * 200 MB of memory at once; now these take 40.
 */
const MAX_ANSWERED_BYTES = 16 * 1_048_576;
const SHORT =
  'n, state, id, command, timestamp, last_updated, user_id, device_id, network_id, device_type_id, lifetime';
const LONG = ['parameters', 'status', 'result'];

/**
 * The rows of a batch, with their part of `MAX_ANSWERED_BYTES` each: one that is longer comes without its long
 * columns, and `fits` is false.
 * @param rows a statement for `n`, `state` and `COMMAND_COLUMNS`
 */
export const answerOf = (rows: string): string => `
  SELECT ${SHORT}, ${LONG.map((column) => `CASE WHEN fits THEN ${column} END AS ${column}`)}, fits
    FROM (${rows}) r,
         LATERAL (SELECT ${LONG.map((column) => `coalesce(octet_length(${column}), 0)`).join(' + ')} <= $${BYTES}::int) f (fits)`;

/** Parameters and results may have a megabyte each: with this a batch has two, or one request. */
const WEIGHT_BYTES = 8_192;

/**
 * Updates of one command, and repeats of one insert, are written one after the other.
 * @param commandId of an update
 */
export function batchedCommand(
  { userId, networkIds, deviceTypeIds }: AccessScope,
  deviceId: string,
  { command, timestamp, parameters, lifetime, status, result }: CommandFields,
  request: Fingerprint | undefined,
  commandId?: number,
): BatchedCommand {
  const limits = [asText(networkIds), asText(deviceTypeIds)];
  const fields = [command, timestamp?.toISOString(), parameters?.text, lifetime, status, result?.text];
  const length = [parameters?.text, status, result?.text].reduce((sum, text) => sum + (text?.length ?? 0), 0);
  return {
    key: commandId ?? request?.key,
    owner: userId,
    weight: 1 + Math.floor(length / WEIGHT_BYTES),
    values: [deviceId, userId, ...limits, ...fields, ...fingerprintValues(request), commandId],
  };
}

/** The parameters up to that of the term: one array for each column, then `SECONDS` and `BYTES`. */
export function valuesOf(batch: BatchedCommand[], seconds: number): unknown[] {
  const columns = TYPES.map((_, column) => arrayText(batch, column));
  return [...columns, seconds, Math.floor(MAX_ANSWERED_BYTES / batch.length)];
}

/**
 * An array as PostgreSQL reads it. The driver runs two regular expressions over each element, whatever it is: with one
 * parameter less of the handler 6 % of the CPU time of an update. Where all is null it is empty: `unnest` fills up.
 */
function arrayText(batch: BatchedCommand[], column: number): string {
  if (batch.every(({ values }) => values[column] == null)) return '{}';
  let text = '';
  for (const { values } of batch) {
    const value = values[column];
    if (text) text += ',';
    text += typeof value === 'string' ? quoted(value) : (value ?? 'NULL');
  }
  return `{${text}}`;
}

const quoted = (value: string): string =>
  SPECIAL.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`;
const SPECIAL = /["\\]/;

function asText(limit: IdLimit): string | null {
  return limit && `{${limit}}`;
}
