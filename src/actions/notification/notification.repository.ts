import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../../database/data-source.name.js';
import { answered } from '../../database/database-error.js';
import { countedOn } from '../../database/examined-rows.js';
import { WriteFence } from '../../database/write-fence.js';
import { write } from '../../database/write-statement.js';
import { type AccessScope, visibleDeviceParameters } from '../../directory/access-scope.js';
import { type Fingerprint, fingerprintValues, ReplayWindow } from '../../transport/replay-window.js';
import { limitsOf, orderOf, readPage } from '../shared/list-page.js';
import {
  type DeviceNotification,
  type NotificationFields,
  type NotificationRow,
  toDeviceNotification,
} from './device-notification.js';
import type { ListNotificationsDto } from './list-notifications.dto.js';
import * as sql from './notification.statements.js';

type InsertedRow = (NotificationRow | { id: null }) & { leads: boolean };
type ListedRow = (NotificationRow | { id: null }) & { fits: boolean };

/** Rows of `device_notification`. The caller's rights are part of each statement. */
@Injectable()
export class NotificationRepository {
  constructor(
    @InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly fence: WriteFence,
    private readonly window: ReplayWindow,
  ) {}

  /**
   * @param request recognises a repeat, which gets the notification that the first one made
   * @returns `undefined` where the device is unknown or out of sight, and where a repeat's notification is gone
   */
  async insert(
    scope: AccessScope,
    deviceId: string,
    { notification, timestamp, parameters }: NotificationFields,
    request?: Fingerprint,
  ): Promise<DeviceNotification | undefined> {
    const visible = visibleDeviceParameters(scope, deviceId);
    const fields = [notification, timestamp?.toISOString() ?? null, parameters?.text ?? null];
    const sentAs = fingerprintValues(request);
    const row = await write<InsertedRow>(this.dataSource, this.fence, sql.insertStatement, [
      ...visible,
      ...fields,
      ...sentAs,
      this.window.seconds,
    ]);
    if (row.id !== null) return toDeviceNotification(row);
    return request && this.find(sql.FIND_INSERTED, [...visible, ...sentAs]);
  }

  get(scope: AccessScope, deviceId: string, id: number): Promise<DeviceNotification | undefined> {
    return this.find(sql.FIND, [...visibleDeviceParameters(scope, deviceId), id]);
  }

  /** @returns `undefined` where the device is unknown or out of sight */
  async list(scope: AccessScope, request: ListNotificationsDto): Promise<DeviceNotification[] | undefined> {
    const { deviceId, start, end, notification } = request;
    const order = orderOf(request, sql.SORT_COLUMNS, 'n.timestamp', 'n.id');
    const statement = sql.listStatement(order, countedOn(this.dataSource));
    const rows = await readPage<ListedRow>(this.dataSource, statement, [
      ...visibleDeviceParameters(scope, deviceId),
      start?.toISOString() ?? null,
      end?.toISOString() ?? null,
      notification ?? null,
      ...limitsOf(request),
    ]);
    if (rows.length === 0) return undefined;
    return rows.flatMap((row) => (row.id === null ? [] : toDeviceNotification(row)));
  }

  private async find(statement: string, parameters: unknown[]): Promise<DeviceNotification | undefined> {
    const [row] = await answered(this.dataSource.query<NotificationRow[]>(statement, parameters));
    return row && toDeviceNotification(row);
  }
}
