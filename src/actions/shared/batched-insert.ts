import { termRow } from '../../database/write-fence.js';
import { visibleDevice } from '../../directory/access-scope.js';
import { ASKING, type BatchRows } from './batch-rows.js';

/** The numbers of the parameters for how many seconds a request is remembered, and of the term. */
interface Parameters {
  seconds: number;
  term: number;
}

/**
 * Common table expressions that end with `asked`: the rows of the batch, which has `key` and `content` of the request,
 * with the device as far as it is visible and free, the `id` and the time `now` of what is to be made, and `is_new`:
 * whether it is to be. No row at all where the term is over.
 *
 * The device is locked as the foreign key would, but first, so that one that is being deleted is unknown. Devices that
 * others hold are passed over; a repeat whose first request another process is committing just now counts as locked.
 * `recent_insert` is taken in the order of its key: two processes that are handed the same requests may wait there.
 * @param sequence of the ids
 */
export const askedRows = (
  fenced: boolean,
  batch: BatchRows,
  sequence: string,
  { seconds, term }: Parameters,
): string => `
       term AS (${termRow(fenced, term)}),
       q AS (${batch.rows}),
       held AS (
         SELECT q.*, d.*
           FROM term, q
           LEFT JOIN LATERAL (${visibleDevice(ASKING)} FOR KEY SHARE OF d SKIP LOCKED)
             d (device, device_id, network_id, device_type_id) ON true),
       numbered AS (
         SELECT h.*, CASE WHEN device IS NOT NULL THEN nextval('${sequence}') END AS id,
                date_trunc('milliseconds', clock_timestamp()) AS now
           FROM held h ORDER BY n),
       remembered AS (
         INSERT INTO recent_insert AS r (request, content, made_id, at)
         SELECT key, content, id, clock_timestamp() FROM numbered
          WHERE id IS NOT NULL AND key IS NOT NULL ORDER BY key
         ON CONFLICT (request) DO UPDATE
           SET content = excluded.content, made_id = excluded.made_id, at = excluded.at
           WHERE r.content <> excluded.content
              OR r.at < excluded.at - make_interval(secs => $${seconds}::int)
         RETURNING made_id),
       asked AS (
         SELECT c.*, id IS NOT NULL AND (key IS NULL OR id IN (SELECT made_id FROM remembered)) AS is_new
           FROM numbered c)`;

/**
 * What a request `q` that is repeated has made, a row as long as it is remembered, empty where that is gone.
 * @param table with columns `id` and `device`
 * @param columns those that are told, of its row `c`
 */
export const firstOf = (table: string, columns: string): string => `
  SELECT r.made_id, ${columns} FROM recent_insert r
    LEFT JOIN ${table} c ON c.id = r.made_id AND c.device IS NOT DISTINCT FROM q.device
   WHERE q.device IS NOT NULL AND r.request = q.key AND r.content = q.content`;

/**
 * SQL for the state of a row `q` that is not new.
 * @param first the alias of `firstOf`
 */
export const stateOf = (first: string): string => `
  CASE WHEN ${first}.id IS NOT NULL THEN 'done'
       WHEN ${first}.made_id IS NOT NULL THEN 'gone'
       WHEN q.device IS NOT NULL OR EXISTS (${visibleDevice(ASKING)}) THEN 'locked'
       ELSE 'unknown' END`;
