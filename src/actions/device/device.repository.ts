import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../../database/data-source.name.js';
import { answered } from '../../database/database-error.js';
import { type AccessScope, visibleDeviceParameters } from '../../directory/access-scope.js';
import { limitsOf, readPage, strictOrderOf } from '../shared/list-page.js';
import { type DeviceRow, type DeviceView, toDeviceView } from './device.js';
import * as sql from './device.statements.js';
import type { ListDevicesDto } from './list-devices.dto.js';

type ListedRow = (DeviceRow | { device_id: null }) & { fits: boolean };

/** Questions about devices that the caller sees; the rights are part of each statement. */
@Injectable()
export class DeviceRepository {
  constructor(@InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource) {}

  async get(scope: AccessScope, deviceId: string): Promise<DeviceView | undefined> {
    const parameters = visibleDeviceParameters(scope, deviceId);
    const [row] = await answered(this.dataSource.query<DeviceRow[]>(sql.FIND, parameters));
    return row && toDeviceView(row);
  }

  /**
   * @returns `undefined` where the user is not active
   * @throws {ActionError} 400 for a field that it cannot be sorted by
   */
  async list(scope: AccessScope, request: ListDevicesDto): Promise<DeviceView[] | undefined> {
    const statement = sql.listStatement(strictOrderOf(request, sql.SORT_COLUMNS, 'x.id'));
    const parameters = [...matching(scope, request), ...limitsOf(request)];
    const rows = await readPage<ListedRow>(this.dataSource, statement, parameters);
    if (rows.length === 0) return undefined;
    return rows.flatMap((row) => (row.device_id === null ? [] : toDeviceView(row)));
  }

  /** @returns `undefined` where the user is not active */
  async count(scope: AccessScope, request: ListDevicesDto): Promise<number | undefined> {
    const rows = this.dataSource.query<{ count: string }[]>(sql.COUNT, matching(scope, request));
    const [row] = await answered(rows);
    return row && Number(row.count);
  }
}

/** The values for `$1..$7` of both. */
function matching(scope: AccessScope, request: ListDevicesDto): unknown[] {
  const { name, namePattern, networkId, networkName } = request;
  const { userId, networkIds, deviceTypeIds } = scope;
  return [name, userId, networkIds, deviceTypeIds, namePattern, networkId, networkName].map(
    (value) => value ?? null,
  );
}
