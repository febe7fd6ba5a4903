import { Injectable } from '@nestjs/common';
import { Queries, type Statement } from '../../database/queries.js';
import { answered } from '../../database/database-error.js';
import { WriteFence } from '../../database/write-fence.js';
import type { JsonText } from '../../protocol/json-text.js';
import { type AccessScope, visibleDeviceParameters } from '../../directory/access-scope.js';
import { type Fingerprint, ReplayWindow } from '../../transport/replay-window.js';
import { TransportOptions } from '../../transport/transport.options.js';
import type { BatchedRow } from '../shared/batch-rows.js';
import { BatchedWrites, type OutcomeRow } from '../shared/batched-writes.js';
import { Filters, nameOfList } from '../shared/filters.js';
import { limitsOf, orderOf, printPage } from '../shared/list-page.js';
import { WholeRows } from '../shared/whole-rows.js';
import {
  type DeviceNotification,
  type NotificationFields,
  type NotificationRow,
  toDeviceNotification,
} from './device-notification.js';
import type { ListNotificationsDto } from './list-notifications.dto.js';
import { notificationNotFound } from './notification.errors.js';
import { batchedNotification, insertStatement, valuesOf } from './notification-insert.statement.js';
import * as sql from './notification.statements.js';

type Row = NotificationRow & OutcomeRow & { fits: boolean };
type ListedRow = (NotificationRow | { id: null }) & { fits: boolean };

/** Rows of `device_notification`. The caller's rights are part of each statement. */
@Injectable()
export class NotificationRepository {
  private readonly inserts: BatchedWrites<BatchedRow, Row>;
  private readonly wholeRows: WholeRows<NotificationRow>;

  constructor(
    private readonly queries: Queries,
    fence: WriteFence,
    window: ReplayWindow,
    { deadlineMs }: TransportOptions,
  ) {
    const values = (batch: BatchedRow[]) => valuesOf(batch, window.seconds);
    this.inserts = new BatchedWrites(queries, fence, { statement: insertStatement, values }, deadlineMs);
    this.wholeRows = new WholeRows(queries, sql.FIND_AGAIN);
  }

  /**
   * @param request recognises a repeat, which gets the notification that the first one made
   * @returns `undefined` where the device is unknown or out of sight
   * @throws {ActionError} 404 where the notification of a repeat is gone; 503 where somebody else holds the device for too long
   */
  async insert(
    scope: AccessScope,
    deviceId: string,
    fields: NotificationFields,
    request?: Fingerprint,
  ): Promise<DeviceNotification | undefined> {
    const item = batchedNotification(scope, deviceId, fields, request);
    const inserted = await this.inserts.run(item);
    if (inserted?.state === 'gone') throw notificationNotFound();
    const row = await this.wholeRows.of(scope, inserted);
    return row && toDeviceNotification(row);
  }

  get(scope: AccessScope, deviceId: string, id: number): Promise<DeviceNotification | undefined> {
    return this.find(scope, sql.FIND, [...visibleDeviceParameters(scope, deviceId), id]);
  }

  /** @returns an array of `DeviceNotification`; `undefined` if the device is unknown or out of sight */
  list(scope: AccessScope, request: ListNotificationsDto): Promise<JsonText | undefined> {
    const { deviceId, start, end, notification } = request;
    const order = orderOf(request, sql.SORT_COLUMNS, 'n.timestamp', 'n.id');
    const filters = new Filters(visibleDeviceParameters(scope, deviceId))
      .find(start?.toISOString(), (value) => `n.timestamp >= ${value}::timestamptz`)
      .find(end?.toISOString(), (value) => `n.timestamp <= ${value}::timestamptz`)
      .examine(notification, (value) => `n.notification = ${value}::varchar`);
    const text = sql.listText(
      filters.sql(this.queries.counted),
      order,
      filters.hiddenPage(limitsOf(request)),
    );
    const statement = filters.statement(text, nameOfList('notification_list', order, 'n.timestamp'));
    return printPage(this.queries, scope, statement, filters.values, (row: ListedRow) =>
      row.id === null ? undefined : toDeviceNotification(row),
    );
  }

  private async find(
    scope: AccessScope,
    statement: Statement,
    parameters: unknown[],
  ): Promise<DeviceNotification | undefined> {
    const [row] = await answered(this.queries.run<NotificationRow>('lookup', scope, statement, parameters));
    return row && toDeviceNotification(row);
  }
}
