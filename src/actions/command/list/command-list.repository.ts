import { Injectable } from '@nestjs/common';
import { Queries } from '../../../database/queries.js';
import type { AccessScope } from '../../../directory/access-scope.js';
import type { JsonText } from '../../../protocol/json-text.js';
import { Lanes } from '../../../transport/lanes.js';
import { printPage, tooSlow } from '../../shared/list-page.js';
import { CommandOptions } from '../command.options.js';
import { type CommandRow, toDeviceCommand } from '../device-command.js';
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
   * @returns an array of `DeviceCommand`; `undefined` if the device is unknown or out of sight
   * @throws {ActionError} 413 where the page is too long for one reply, 503 where it takes too much time
   */
  list(scope: AccessScope, request: ListCommandsDto): Promise<JsonText | undefined> {
    const { statement, values } = listQuery(scope, request, this.queries.counted);
    const cameAt = performance.now();
    return this.lanes.run(request.deviceId, async () => {
      if (performance.now() - cameAt > this.options.deadlineMs) throw tooSlow();
      return printPage(this.queries, scope, statement, values, (row: ListedRow) =>
        row.id === null ? undefined : toDeviceCommand(row),
      );
    });
  }
}
