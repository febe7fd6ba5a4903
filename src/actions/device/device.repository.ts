import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../../database/data-source.name.js';
import { answered } from '../../database/database-error.js';
import { countedOn } from '../../database/examined-rows.js';
import { type AccessScope, visibleDeviceParameters } from '../../directory/access-scope.js';
import { limitsOf, readInTime, readPage, strictOrderOf } from '../shared/list-page.js';
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
    const statement = sql.listStatement(
      strictOrderOf(request, sql.SORT_COLUMNS, 'x.id'),
      countedOn(this.dataSource),
    );
    const parameters = [...matching(scope, request), ...limitsOf(request)];
    const rows = await readPage<ListedRow>(this.dataSource, statement, parameters);
    if (rows.length === 0) return undefined;
    return rows.flatMap((row) => (row.device_id === null ? [] : toDeviceView(row)));
  }

  /**
   * @returns `undefined` where the user is not active
   * @throws {ActionError} 503 where it takes too much time, or examines too many rows
   */
  async count(scope: AccessScope, request: ListDevicesDto): Promise<number | undefined> {
    const statement = sql.countStatement(countedOn(this.dataSource));
    const [row] = await readInTime<{ count: string }>(this.dataSource, statement, matching(scope, request));
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
