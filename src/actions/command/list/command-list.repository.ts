import { Injectable } from '@nestjs/common';
import { Queries } from '../../../database/queries.js';
import type { AccessScope } from '../../../directory/access-scope.js';
import { Lanes } from '../../../transport/lanes.js';
import { readPage, tooSlow } from '../../shared/list-page.js';
import { CommandOptions } from '../command.options.js';
import { type CommandRow, type DeviceCommand, toDeviceCommand } from '../device-command.js';
import type { ListCommandsDto } from '../dto/list-commands.dto.js';
import { listQuery } from './command-list.statement.js';

type ListedRow = (CommandRow | { id: null }) & { fits: boolean };

/** Pages of `device_command`. */
@Injectable()
export class CommandListRepository {
  /** A device takes one connection of the pool at most, however many of its lists take long. */
  private readonly lanes = new Lanes();

  constructor(
    private readonly queries: Queries,
    private readonly options: CommandOptions,
  ) {}

  /**
   * @returns `undefined` where the device is unknown or out of sight
   * @throws {ActionError} 413 where the page is too long for one reply, 503 where it takes too much time
   */
  async list(scope: AccessScope, request: ListCommandsDto): Promise<DeviceCommand[] | undefined> {
    const { statement, values } = listQuery(scope, request, this.queries.counted);
    const cameAt = performance.now();
    const rows = await this.lanes.run(request.deviceId, async () => {
      if (performance.now() - cameAt > this.options.deadlineMs) throw tooSlow();
      return readPage<ListedRow>(this.queries, scope, statement, values);
    });
    if (rows.length === 0) return undefined;
    return rows.flatMap((row) => (row.id === null ? [] : toDeviceCommand(row)));
  }
}
