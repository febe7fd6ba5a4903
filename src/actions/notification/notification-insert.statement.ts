import type { Statement } from '../../database/queries.js';
import type { AccessScope } from '../../directory/access-scope.js';
import { type Fingerprint, fingerprintValues } from '../../transport/replay-window.js';
import * as shared from '../shared/batch-rows.js';
import { askedRows, firstOf, stateOf } from '../shared/batched-insert.js';
import { NOTIFICATION_COLUMNS, type NotificationFields } from './device-notification.js';

const BATCH = shared.batchOf({
  set_notification: 'varchar',
  set_timestamp: 'timestamptz',
  set_parameters: 'text',
  key: 'bytea',
  content: 'bytea',
});
const SECONDS = BATCH.next;
const BYTES = SECONDS + 1;
const TERM = BYTES + 1;
const SHORT = 'n, state, id, notification, timestamp, device_id, network_id, device_type_id';

/** Inserts for one device are written in their order, repeats of one insert one after the other. */
export function batchedNotification(
  scope: AccessScope,
  deviceId: string,
  { notification, timestamp, parameters }: NotificationFields,
  request?: Fingerprint,
): shared.BatchedRow {
  const fields = [notification, timestamp?.toISOString(), parameters?.text];
  return {
    key: request?.key,
    series: deviceId,
    owner: scope,
    weight: shared.weightOf(parameters?.text),
    values: [...shared.askingValues(scope, deviceId), ...fields, ...fingerprintValues(request)],
  };
}

/** The parameters up to that of the term. */
export function valuesOf(batch: shared.BatchedRow[], seconds: number): unknown[] {
  return [...BATCH.values(batch), seconds, shared.bytesEach(batch)];
}

const answerOf = (rows: string): string => shared.answerOf(rows, SHORT, ['parameters'], BYTES);

/**
 * For each row of the batch what became of it, and the notification that was made, now or by the same request before; no
 * row at all where the term is over.
 */
const text = (fenced: boolean): string => `
  WITH ${askedRows(fenced, BATCH, 'device_notification_id_seq', { seconds: SECONDS, term: TERM })},
       settled AS (
         SELECT n.*, set_notification AS notification, coalesce(set_timestamp, now) AS timestamp,
                set_parameters::jsonb AS parameters
           FROM asked n),
       made AS (
         INSERT INTO device_notification (id, device, notification, timestamp, parameters)
         SELECT id, device, notification, timestamp, parameters FROM settled WHERE is_new
         RETURNING id, notification, timestamp, parameters)
  ${answerOf(`
    SELECT q.n::int, 'done' AS state, ${NOTIFICATION_COLUMNS}
      FROM made n JOIN settled q ON q.id = n.id, ${shared.placeOf('q')}
    UNION ALL
    SELECT q.n::int, ${stateOf('n')}, ${NOTIFICATION_COLUMNS}
      FROM settled q
      LEFT JOIN LATERAL (${firstOf('device_notification', 'c.id, c.notification, c.timestamp, c.parameters')} OFFSET 0) n ON true, ${shared.placeOf('q')}
     WHERE NOT is_new`)}`;

const STATEMENTS = [false, true].map((fenced) => ({
  name: `notification_insert_${fenced}`,
  text: text(fenced),
}));
export const insertStatement = (fenced: boolean): Statement => STATEMENTS[Number(fenced)]!;
