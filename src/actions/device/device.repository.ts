import { Injectable } from '@nestjs/common';
import { Queries } from '../../database/queries.js';
import { answered } from '../../database/database-error.js';
import type { JsonText } from '../../protocol/json-text.js';
import { type AccessScope, visibleDeviceParameters } from '../../directory/access-scope.js';
import { Filters } from '../shared/filters.js';
import { limitsOf, printPage, readInTime, strictOrderOf } from '../shared/list-page.js';
import { type DeviceRow, type DeviceView, toDeviceView } from './device.js';
import * as sql from './device.statements.js';
import type { ListDevicesDto } from './list-devices.dto.js';

type ListedRow = (DeviceRow | { device_id: null }) & { fits: boolean };

/** Questions about devices that the caller sees; the rights are part of each statement. */
@Injectable()
export class DeviceRepository {
  constructor(private readonly queries: Queries) {}

  async get(scope: AccessScope, deviceId: string): Promise<DeviceView | undefined> {
    const parameters = visibleDeviceParameters(scope, deviceId);
    const [row] = await answered(this.queries.run<DeviceRow>('lookup', scope, sql.FIND, parameters));
    return row && toDeviceView(row);
  }

  /**
   * @returns an array of `DeviceView`; `undefined` if the user is not active
   * @throws {ActionError} 400 for a field that it cannot be sorted by
   */
  list(scope: AccessScope, request: ListDevicesDto): Promise<JsonText | undefined> {
    const order = strictOrderOf(request, sql.SORT_COLUMNS, 'x.id');
    const filters = filtersOf(scope, request);
    const text = sql.listText(filters.sql(this.queries.counted), order, filters.page(limitsOf(request)));
    return printPage(this.queries, scope, { text }, filters.values, (row: ListedRow) =>
      row.device_id === null ? undefined : toDeviceView(row),
    );
  }

  /**
   * @returns `undefined` where the user is not active
   * @throws {ActionError} 503 where it takes too much time, or examines too many rows
   */
  count(scope: AccessScope, request: ListDevicesDto): Promise<number | undefined> {
    const filters = filtersOf(scope, request);
    const statement = filters.statement(sql.countText(filters.sql(this.queries.counted)), 'device_count');
    const countOf = ([row]: { count: string }[]) => row && Number(row.count);
    return readInTime(this.queries, scope, statement, filters.values, countOf);
  }
}

function filtersOf(scope: AccessScope, request: ListDevicesDto): Filters {
  const { userId, networkIds, deviceTypeIds, generation } = scope;
  const { name, namePattern, networkId, networkName } = request;
  return new Filters([userId, networkIds, deviceTypeIds, generation])
    .examine(name, (value) => `x.name = ${value}::varchar`)
    .examine(namePattern, (value) => `x.name LIKE ${value}::varchar ESCAPE ''`)
    .find(networkId, (value) => `x.network_id = ${value}::bigint`)
    .examine(networkName, (value) => `w.name = ${value}::varchar`);
}
