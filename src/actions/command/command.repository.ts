import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type AccessScope, VISIBLE_DEVICE, visibleDeviceParameters } from '../../directory/access-scope.js';
import { answered, OUTCOME_UNKNOWN } from '../../database/database-error.js';
import { Lanes } from '../../transport/lanes.js';
import { COMMAND_COLUMNS, type CommandFields, type CommandRow } from './device-command.js';
import { type DeviceCommand, toDeviceCommand } from './device-command.js';

// $1..$4 are the device and the scope; what is out of sight is not touched and not returned.
const FIELD_VALUES = '$5::varchar, $6::timestamptz, $7::jsonb, $8::int, $9::text, $10::jsonb';

// clock_timestamp() may stand still or run backwards; (id, last_updated) is the version that watchers order by.
const UPDATE = `
  WITH d AS (${VISIBLE_DEVICE}),
       f (command, timestamp, parameters, lifetime, status, result) AS (VALUES (${FIELD_VALUES}))
  UPDATE device_command c
     SET command = coalesce(f.command, c.command),
         timestamp = coalesce(f.timestamp, c.timestamp),
         parameters = coalesce(f.parameters, c.parameters),
         lifetime = coalesce(f.lifetime, c.lifetime),
         status = coalesce(f.status, c.status),
         result = coalesce(f.result, c.result),
         is_updated = true,
         last_updated = greatest(date_trunc('milliseconds', clock_timestamp()),
                                 c.last_updated + interval '1 ms')
    FROM d, f
   WHERE c.id = $11 AND c.device = d.id
  RETURNING ${COMMAND_COLUMNS}`;

const INSERT = `
  WITH d AS (${VISIBLE_DEVICE}),
       f (command, timestamp, parameters, lifetime, status, result) AS (VALUES (${FIELD_VALUES})),
       n AS (SELECT date_trunc('milliseconds', clock_timestamp()) AS now),
       c AS (
         INSERT INTO device_command
           (device, user_id, command, timestamp, last_updated, parameters, lifetime, status, result)
         SELECT d.id, $2, f.command, coalesce(f.timestamp, n.now), n.now,
                f.parameters, f.lifetime, f.status, f.result
           FROM d, f, n
         RETURNING *)
  SELECT ${COMMAND_COLUMNS} FROM c, d`;

const FIND = `
  WITH d AS (${VISIBLE_DEVICE})
  SELECT ${COMMAND_COLUMNS} FROM device_command c JOIN d ON c.device = d.id WHERE c.id = $5`;

/** Rows of `device_command`. Each method is one statement that checks the caller's rights as it runs. */
@Injectable()
export class CommandRepository {
  /** A command takes one connection of the pool at most, however many updates wait for its locked row. */
  private readonly lanes = new Lanes();

  constructor(private readonly dataSource: DataSource) {}

  /**
   * Applies the fields that are set and keeps the others. Updates of one command are applied in the order of
   * the calls.
   * @returns the row as committed; `undefined` where device or command is unknown or out of sight
   */
  update(
    scope: AccessScope,
    deviceId: string,
    commandId: number,
    fields: CommandFields,
  ): Promise<DeviceCommand | undefined> {
    const parameters = [...visibleDeviceParameters(scope, deviceId), ...fieldValues(fields), commandId];
    return this.lanes.run(commandId, async () => {
      const [rows] = await this.query<[CommandRow[], number]>(UPDATE, parameters, OUTCOME_UNKNOWN);
      return first(rows);
    });
  }

  /** @returns `undefined` where the device is unknown or out of sight */
  async insert(
    scope: AccessScope,
    deviceId: string,
    fields: CommandFields,
  ): Promise<DeviceCommand | undefined> {
    const parameters = [...visibleDeviceParameters(scope, deviceId), ...fieldValues(fields)];
    return first(await this.query<CommandRow[]>(INSERT, parameters, OUTCOME_UNKNOWN));
  }

  async find(scope: AccessScope, deviceId: string, commandId: number): Promise<DeviceCommand | undefined> {
    const parameters = [...visibleDeviceParameters(scope, deviceId), commandId];
    return first(await this.query<CommandRow[]>(FIND, parameters));
  }

  private query<T>(sql: string, parameters: unknown[], ifCutOff?: string): Promise<T> {
    return answered(this.dataSource.query(sql, parameters) as Promise<T>, ifCutOff);
  }
}

function fieldValues({ command, timestamp, parameters, lifetime, status, result }: CommandFields): unknown[] {
  return [command, timestamp?.toISOString(), parameters?.text, lifetime, status, result?.text].map(
    (value) => value ?? null,
  );
}

function first(rows: CommandRow[]): DeviceCommand | undefined {
  return rows[0] && toDeviceCommand(rows[0]);
}
