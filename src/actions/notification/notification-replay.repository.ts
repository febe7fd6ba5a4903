import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type AccessScope, VISIBLE_DEVICES, visibleDeviceParameters } from '../../directory/access-scope.js';
import { MAX_PAGE_BYTES, readInTime, replayLimitOf } from '../shared/list-page.js';
import type { SubscribeDto } from '../subscription.exports.js';
import {
  type DeviceNotification,
  NOTIFICATION_COLUMNS,
  type NotificationRow,
  toDeviceNotification,
} from './device-notification.js';

/**
 * $1 is the device, $2..$4 the scope, $5 are networks, $6 device types, $7 names (null: all), $8 the timestamp, $9 the
 * most notifications. Oldest first, until they are too long for one go.
 */
const REPLAY = `
  WITH d AS (
         SELECT * FROM (${VISIBLE_DEVICES}) v
          WHERE ($1::varchar IS NULL OR v.device_id = $1)
            AND ($5::bigint[] IS NULL OR v.network_id = ANY ($5))
            AND ($6::bigint[] IS NULL OR v.device_type_id = ANY ($6))),
       page AS (
         SELECT n.* FROM device_notification n JOIN d ON d.id = n.device
          WHERE n.timestamp > $8 AND ($7::varchar[] IS NULL OR n.notification = ANY ($7))
          ORDER BY n.timestamp, n.id LIMIT $9),
       sized AS (
         SELECT n.*, sum(octet_length(n.parameters::text)) OVER (ORDER BY n.timestamp, n.id) AS bytes FROM page n)
  SELECT ${NOTIFICATION_COLUMNS} FROM sized n JOIN d ON d.id = n.device
   WHERE coalesce(n.bytes, 0) <= ${MAX_PAGE_BYTES} ORDER BY n.timestamp, n.id`;

/** Stored notifications for those who subscribe. */
@Injectable()
export class NotificationReplayRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Those that are newer than the request's `timestamp`.
   * @throws {ActionError} 503 where it takes too much time
   */
  async newerThan(timestamp: Date, scope: AccessScope, request: SubscribeDto): Promise<DeviceNotification[]> {
    const { deviceId, networkIds, deviceTypeIds, names, limit } = request;
    const [, ...scopeParameters] = visibleDeviceParameters(scope, '');
    const lists = [networkIds, deviceTypeIds, names].map((list) => (list?.length ? list : null));
    const rows = await readInTime<NotificationRow>(this.dataSource, REPLAY, [
      deviceId ?? null,
      ...scopeParameters,
      ...lists,
      timestamp.toISOString(),
      replayLimitOf(limit),
    ]);
    return rows.map(toDeviceNotification);
  }
}
