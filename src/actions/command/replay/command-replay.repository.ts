import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  type AccessScope,
  VISIBLE_DEVICES,
  visibleDeviceParameters,
} from '../../../directory/access-scope.js';
import { MAX_PAGE_BYTES, readInTime, replayLimitOf } from '../../shared/list-page.js';
import { COMMAND_COLUMNS, type CommandRow, type DeviceCommand, toDeviceCommand } from '../device-command.js';
import type { SubscribeCommandsDto } from '../dto/subscribe-commands.dto.js';

/**
 * $1 is the device, $2..$4 the scope, $5 are networks, $6 device types, $7 names (null: all), $8 the timestamp, $9 the
 * most commands. Oldest first, until they are too long for one go.
 * @param isDue what must hold for the command `c`
 * @param at the time that counts, a column of `c`
 */
const replayStatement = (isDue: string, at: string): string => `
  WITH d AS (
         SELECT * FROM (${VISIBLE_DEVICES}) v
          WHERE ($1::varchar IS NULL OR v.device_id = $1)
            AND ($5::bigint[] IS NULL OR v.network_id = ANY ($5))
            AND ($6::bigint[] IS NULL OR v.device_type_id = ANY ($6))),
       page AS (
         SELECT c.* FROM device_command c JOIN d ON d.id = c.device
          WHERE ${at} > $8 AND ${isDue} AND ($7::varchar[] IS NULL OR c.command = ANY ($7))
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
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Commands that are newer than the request's `timestamp`, without those whose lifetime has passed; with
   * `returnUpdatedCommands` those that were updated since.
   * @throws {ActionError} 503 where it takes too much time
   */
  async newerThan(
    timestamp: Date,
    scope: AccessScope,
    request: SubscribeCommandsDto,
  ): Promise<DeviceCommand[]> {
    const { deviceId, networkIds, deviceTypeIds, names, limit } = request;
    const [, ...scopeParameters] = visibleDeviceParameters(scope, '');
    const lists = [networkIds, deviceTypeIds, names].map((list) => (list?.length ? list : null));
    const parameters = [deviceId ?? null, ...scopeParameters, ...lists];
    const statement = request.returnUpdatedCommands ? UPDATED : INSERTED;
    const rows = await readInTime<CommandRow>(this.dataSource, statement, [
      ...parameters,
      timestamp.toISOString(),
      replayLimitOf(limit),
    ]);
    return rows.map(toDeviceCommand);
  }
}
