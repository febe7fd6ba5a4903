import type { AccessScope, Asking, IdLimit } from '../../directory/access-scope.js';
import type { BatchedItem } from './batched-writes.js';

/** One request in a batch. */
export interface BatchedRow extends BatchedItem {
  /** in the order of the batch's columns */
  values: (string | number | null | undefined)[];
}

/** The first columns of each batch: who asks for which device. Arrays of ids differ in length, which an array of arrays cannot hold. */
const ASKING_COLUMNS = {
  for_device: 'varchar',
  for_user: 'bigint',
  network_ids: 'text',
  device_type_ids: 'text',
  of_generation: 'int',
};

/** Who asks in a row `q` of a batch. */
export const ASKING: Asking = {
  device: 'q.for_device',
  user: 'q.for_user',
  networks: 'q.network_ids::bigint[]',
  deviceTypes: 'q.device_type_ids::bigint[]',
  generation: 'q.of_generation',
};

/** The values of `ASKING_COLUMNS`. */
export function askingValues(
  { userId, networkIds, deviceTypeIds, generation }: AccessScope,
  deviceId: string,
): (string | number | null)[] {
  return [deviceId, userId, asText(networkIds), asText(deviceTypeIds), generation];
}

/** The device's part of a row's columns, where the row `alias` holds it together with the row's own. */
export const placeOf = (alias: string): string =>
  `LATERAL (SELECT ${alias}.device_id, ${alias}.network_id, ${alias}.device_type_id) d`;

export interface BatchRows {
  /** a common table expression: the batch as rows, `n` from 1 */
  rows: string;
  /** the number of the first parameter after the batch */
  next: number;
  /** the parameters: one array for each column */
  values(batch: BatchedRow[]): string[];
}

/**
 * The sub-select hides from the planner how many rows there are: for one row a plan of its own would look cheaper each
 * time, and is planned each time.
 * @param columns their types by name, after those of who asks
 */
export function batchOf(columns: Record<string, string>): BatchRows {
  const all = { ...ASKING_COLUMNS, ...columns };
  const [first, ...others] = Object.values(all);
  const arrays = others.map((type, i) => `$${i + 2}::${type}[]`);
  return {
    rows: `
      SELECT * FROM unnest((SELECT $1::${first}[]), ${arrays}) WITH ORDINALITY AS q (${Object.keys(all)}, n)`,
    next: others.length + 2,
    values: (batch) => Object.keys(all).map((_, column) => arrayText(batch, column)),
  };
}

/**
 * Of what a statement answers. Of 256 commands that have a megabyte each, whose status alone is set, the answer took
 * 200 MB of memory at once; now these take 40.
 */
const MAX_ANSWERED_BYTES = 16 * 1_048_576;

/** The length that each answered row may have; a parameter. */
export const bytesEach = (batch: BatchedRow[]): number => Math.floor(MAX_ANSWERED_BYTES / batch.length);

/**
 * The rows of a batch: one that is longer than its part of `MAX_ANSWERED_BYTES` comes without its long columns, and
 * `fits` is false.
 * @param rows a statement for all the columns
 * @param short columns
 * @param long columns, texts
 * @param bytes the number of the parameter `bytesEach`
 */
export const answerOf = (rows: string, short: string, long: string[], bytes: number): string => `
  SELECT ${short}, ${long.map((column) => `CASE WHEN fits THEN ${column} END AS ${column}`)}, fits
    FROM (${rows}) r,
         LATERAL (SELECT ${long.map((column) => `coalesce(octet_length(${column}), 0)`).join(' + ')} <= $${bytes}::int) f (fits)`;

/** Parameters and results may have a megabyte each: with this a batch has two, or one request. */
const WEIGHT_BYTES = 8_192;

/** @param texts what is long in a request */
export function weightOf(...texts: (string | null | undefined)[]): number {
  return 1 + Math.floor(texts.reduce((sum, text) => sum + (text?.length ?? 0), 0) / WEIGHT_BYTES);
}

/**
 * An array as PostgreSQL reads it. The driver runs two regular expressions over each element, whatever it is: with one
 * parameter less of the handler 6 % of the CPU time of an update. Where all is null it is empty: `unnest` fills up.
 */
function arrayText(batch: BatchedRow[], column: number): string {
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
