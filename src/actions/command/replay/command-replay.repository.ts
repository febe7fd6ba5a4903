import { Injectable } from '@nestjs/common';
import { Queries } from '../../../database/queries.js';
import type { AccessScope } from '../../../directory/access-scope.js';
import { type Replayed, readReplay, type ReplayPage } from '../../shared/replay.js';
import { COMMAND_COLUMNS, type DeviceCommand, toDeviceCommand } from '../device-command.js';
import type { SubscribeCommandsDto } from '../dto/subscribe-commands.dto.js';

const COMMANDS = {
  table: 'device_command',
  row: 'c',
  columns: COMMAND_COLUMNS,
  name: 'c.command',
  texts: 'c.status, c.parameters, c.result',
};
export const INSERTED: Replayed = {
  ...COMMANDS,
  at: 'c.timestamp',
  isDue: `(c.lifetime IS NULL OR c.lifetime <= 0
           OR c.timestamp + make_interval(secs => c.lifetime) > clock_timestamp())`,
};
export const UPDATED: Replayed = { ...COMMANDS, at: 'c.last_updated', isDue: 'c.is_updated' };

/** Stored commands for those who subscribe. */
@Injectable()
export class CommandReplayRepository {
  constructor(private readonly queries: Queries) {}

  /**
   * Commands that are not older than the request's `timestamp`, without those whose lifetime has passed; with
   * `returnUpdatedCommands` those that were updated since.
   * @throws {ActionError} 503 where it takes too much time
   */
  since(scope: AccessScope, request: SubscribeCommandsDto): Promise<ReplayPage<DeviceCommand>> {
    return request.returnUpdatedCommands
      ? readReplay(this.queries, UPDATED, scope, request, toDeviceCommand, (one) => one.lastUpdated)
      : readReplay(this.queries, INSERTED, scope, request, toDeviceCommand, (one) => one.timestamp);
  }
}
