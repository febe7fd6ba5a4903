import { Injectable } from '@nestjs/common';
import { Queries } from '../../database/queries.js';
import type { AccessScope } from '../../directory/access-scope.js';
import { type Replayed, readReplay, type ReplayPage } from '../shared/replay.js';
import type { SubscribeDto } from '../subscription.exports.js';
import {
  type DeviceNotification,
  NOTIFICATION_COLUMNS,
  toDeviceNotification,
} from './device-notification.js';

export const REPLAY: Replayed = {
  table: 'device_notification',
  row: 'n',
  columns: NOTIFICATION_COLUMNS,
  name: 'n.notification',
  at: 'n.timestamp',
  isDue: 'true',
  texts: 'n.parameters',
};

/** Stored notifications for those who subscribe. */
@Injectable()
export class NotificationReplayRepository {
  constructor(private readonly queries: Queries) {}

  /**
   * Those that are not older than the request's `timestamp`.
   * @throws {ActionError} 503 where it takes too much time
   */
  since(scope: AccessScope, request: SubscribeDto): Promise<ReplayPage<DeviceNotification>> {
    return readReplay(this.queries, REPLAY, scope, request, toDeviceNotification, (one) => one.timestamp);
  }
}
