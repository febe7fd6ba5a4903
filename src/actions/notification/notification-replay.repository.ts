import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../../database/data-source.name.js';
import type { AccessScope } from '../../directory/access-scope.js';
import { MAX_PAGE_BYTES, readInTime } from '../shared/list-page.js';
import { replayParameters, WANTED_DEVICES } from '../shared/replay.js';
import type { SubscribeDto } from '../subscription.exports.js';
import {
  type DeviceNotification,
  NOTIFICATION_COLUMNS,
  type NotificationRow,
  toDeviceNotification,
} from './device-notification.js';

/** Has `replayParameters`. Oldest first, until they are too long for one go. */
const REPLAY = `
  WITH d AS (${WANTED_DEVICES}),
       page AS (
         SELECT n.* FROM device_notification n JOIN d ON d.id = n.device
          WHERE n.timestamp >= $8 AND ($7::varchar[] IS NULL OR n.notification = ANY ($7))
          ORDER BY n.timestamp, n.id LIMIT $9),
       sized AS (
         SELECT n.*, sum(octet_length(n.parameters::text)) OVER (ORDER BY n.timestamp, n.id) AS bytes FROM page n)
  SELECT ${NOTIFICATION_COLUMNS} FROM sized n JOIN d ON d.id = n.device
   WHERE coalesce(n.bytes, 0) <= ${MAX_PAGE_BYTES} ORDER BY n.timestamp, n.id`;

/** Stored notifications for those who subscribe. */
@Injectable()
export class NotificationReplayRepository {
  constructor(@InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource) {}

  /**
   * Those that are not older than the request's `timestamp`.
   * @throws {ActionError} 503 where it takes too much time
   */
  async since(timestamp: Date, scope: AccessScope, request: SubscribeDto): Promise<DeviceNotification[]> {
    const parameters = replayParameters(scope, request, timestamp);
    const rows = await readInTime<NotificationRow>(this.dataSource, REPLAY, parameters);
    return rows.map(toDeviceNotification);
  }
}
