import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../../../database/data-source.name.js';
import { countedOn } from '../../../database/examined-rows.js';
import { type AccessScope, visibleDeviceParameters } from '../../../directory/access-scope.js';
import { Lanes } from '../../../transport/lanes.js';
import { limitsOf, orderOf, readPage, tooSlow } from '../../shared/list-page.js';
import { CommandOptions } from '../command.options.js';
import { type CommandRow, type DeviceCommand, toDeviceCommand } from '../device-command.js';
import type { ListCommandsDto } from '../dto/list-commands.dto.js';
import { listStatement, SORT_COLUMNS } from './command-list.statement.js';

type ListedRow = (CommandRow | { id: null }) & { fits: boolean };

/** Pages of `device_command`. */
@Injectable()
export class CommandListRepository {
  /** A device takes one connection of the pool at most, however many of its lists take long. */
  private readonly lanes = new Lanes();

  constructor(
    @InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly options: CommandOptions,
  ) {}

  /**
   * @returns `undefined` where the device is unknown or out of sight
   * @throws {ActionError} 413 where the page is too long for one reply, 503 where it takes too much time
   */
  async list(scope: AccessScope, request: ListCommandsDto): Promise<DeviceCommand[] | undefined> {
    const { deviceId, start, end, command, names, status } = request;
    const filter = [start?.toISOString(), end?.toISOString(), command, names?.length ? names : null, status];
    const parameters = [
      ...visibleDeviceParameters(scope, deviceId),
      ...filter.map((value) => value ?? null),
      ...limitsOf(request),
    ];
    const order = orderOf(request, SORT_COLUMNS, 'c.timestamp', 'c.id');
    const cameAt = performance.now();
    const rows = await this.lanes.run(deviceId, async () => {
      if (performance.now() - cameAt > this.options.deadlineMs) throw tooSlow();
      const statement = listStatement(order, countedOn(this.dataSource));
      return readPage<ListedRow>(this.dataSource, statement, parameters);
    });
    if (rows.length === 0) return undefined;
    return rows.flatMap((row) => (row.id === null ? [] : toDeviceCommand(row)));
  }
}
