import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../../../database/data-source.name.js';
import type { AccessScope } from '../../../directory/access-scope.js';
import { MAX_PAGE_BYTES, readInTime } from '../../shared/list-page.js';
import { replayParameters, WANTED_DEVICES } from '../../shared/replay.js';
import { COMMAND_COLUMNS, type CommandRow, type DeviceCommand, toDeviceCommand } from '../device-command.js';
import type { SubscribeCommandsDto } from '../dto/subscribe-commands.dto.js';

/**
 * Has `replayParameters`. Oldest first, until they are too long for one go.
 * @param isDue what must hold for the command `c`
 * @param at the time that counts, a column of `c`
 */
const replayStatement = (isDue: string, at: string): string => `
  WITH d AS (${WANTED_DEVICES}),
       page AS (
         SELECT c.* FROM device_command c JOIN d ON d.id = c.device
          WHERE ${at} >= $8 AND ${isDue} AND ($7::varchar[] IS NULL OR c.command = ANY ($7))
          ORDER BY ${at}, c.id LIMIT $9),
       sized AS (
         SELECT c.*, sum(octet_length(concat(c.status, c.parameters, c.result))) OVER (ORDER BY ${at}, c.id) AS bytes
           FROM page c)
  SELECT ${COMMAND_COLUMNS} FROM sized c JOIN d ON d.id = c.device WHERE c.bytes <= ${MAX_PAGE_BYTES}
   ORDER BY ${at}, c.id`;

const INSERTED = replayStatement(
  `(c.lifetime IS NULL OR c.lifetime <= 0 OR c.timestamp + make_interval(secs => c.lifetime) > clock_timestamp())`,
  'c.timestamp',
);
const UPDATED = replayStatement('c.is_updated', 'c.last_updated');

/** Stored commands for those who subscribe. */
@Injectable()
export class CommandReplayRepository {
  constructor(@InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource) {}

  /**
   * Commands that are not older than the request's `timestamp`, without those whose lifetime has passed; with
   * `returnUpdatedCommands` those that were updated since.
   * @throws {ActionError} 503 where it takes too much time
   */
  async since(timestamp: Date, scope: AccessScope, request: SubscribeCommandsDto): Promise<DeviceCommand[]> {
    const statement = request.returnUpdatedCommands ? UPDATED : INSERTED;
    const parameters = replayParameters(scope, request, timestamp);
    const rows = await readInTime<CommandRow>(this.dataSource, statement, parameters);
    return rows.map(toDeviceCommand);
  }
}
