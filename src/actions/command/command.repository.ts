import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { answered, OUTCOME_UNKNOWN } from '../../database/database-error.js';
import { WriteFence } from '../../database/write-fence.js';
import { type AccessScope, visibleDeviceParameters } from '../../directory/access-scope.js';
import { Superseded } from '../../protocol/action-error.js';
import { Lanes } from '../../transport/lanes.js';
import { CommandOptions } from './command.options.js';
import * as sql from './command.statements.js';
import {
  type CommandFields,
  type CommandRow,
  type DeviceCommand,
  toDeviceCommand,
} from './device-command.js';
import type { Fingerprint } from './fingerprint.js';

/** What a statement that changes something answers: `id` is null where it changed nothing. */
type ChangedRow = (CommandRow | { id: null }) & { leads: boolean };

/** Rows of `device_command`. Each change is one statement that checks the caller's rights as it runs. */
@Injectable()
export class CommandRepository {
  /** A command takes one connection of the pool at most, however many updates wait for its locked row. */
  private readonly lanes = new Lanes();

  constructor(
    private readonly dataSource: DataSource,
    private readonly fence: WriteFence,
    private readonly options: CommandOptions,
  ) {}

  /**
   * Applies the fields that are set and keeps the others, unless this very request was applied already. Updates
   * of one command are applied in the order of the calls.
   * @param request recognises a repeat; without it each call is applied
   * @returns the row as committed; `undefined` where device or command is unknown or out of sight
   */
  update(
    scope: AccessScope,
    deviceId: string,
    commandId: number,
    fields: CommandFields,
    request?: Fingerprint,
  ): Promise<DeviceCommand | undefined> {
    const visible = visibleDeviceParameters(scope, deviceId);
    const { replaySeconds } = this.options;
    return this.lanes.run(commandId, async () => {
      const now = Math.floor(Date.now() / 1_000);
      const fingerprint = [request?.key ?? null, request?.content ?? null];
      const since = bytesOf(now - replaySeconds);
      const parameters = [...visible, ...fieldValues(fields), commandId, ...fingerprint, bytesOf(now), since];
      const changed = await this.change(sql.updateStatement, parameters);
      if (changed || !request) return changed;
      return this.find(sql.FIND_UPDATED, [...visible, commandId, ...fingerprint, since]);
    });
  }

  /**
   * @param request recognises a repeat, which gets the command that the first one made
   * @returns `undefined` where the device is unknown or out of sight
   */
  async insert(
    scope: AccessScope,
    deviceId: string,
    fields: CommandFields,
    request?: Fingerprint,
  ): Promise<DeviceCommand | undefined> {
    const visible = visibleDeviceParameters(scope, deviceId);
    const fingerprint = [request?.key ?? null, request?.content ?? null];
    const parameters = [...visible, ...fieldValues(fields), ...fingerprint, this.options.replaySeconds];
    const inserted = await this.change(sql.insertStatement, parameters);
    if (inserted || !request) return inserted;
    return this.find(sql.FIND_INSERTED, [...visible, ...fingerprint]);
  }

  get(scope: AccessScope, deviceId: string, commandId: number): Promise<DeviceCommand | undefined> {
    return this.find(sql.FIND, [...visibleDeviceParameters(scope, deviceId), commandId]);
  }

  /** Forgets the inserts whose repeats are not recognised any more. */
  async forgetInserts(): Promise<void> {
    await answered(this.dataSource.query(sql.FORGET_INSERTS, [this.options.replaySeconds]));
  }

  /** @throws {Superseded} where another process has taken over: nothing was changed then */
  private async change(
    statement: (fenced: boolean) => string,
    parameters: unknown[],
  ): Promise<DeviceCommand | undefined> {
    const { term } = this.fence;
    const fencing = term ? [term.name, term.epoch] : [];
    const rows = this.dataSource.query<ChangedRow[]>(statement(term !== undefined), [
      ...parameters,
      ...fencing,
    ]);
    const [row] = await answered(rows, OUTCOME_UNKNOWN);
    if (!row?.leads) throw new Superseded();
    return row.id === null ? undefined : toDeviceCommand(row);
  }

  private async find(statement: string, parameters: unknown[]): Promise<DeviceCommand | undefined> {
    const [row] = await answered(this.dataSource.query<CommandRow[]>(statement, parameters));
    return row && toDeviceCommand(row);
  }
}

function fieldValues({ command, timestamp, parameters, lifetime, status, result }: CommandFields): unknown[] {
  return [command, timestamp?.toISOString(), parameters?.text, lifetime, status, result?.text].map(
    (value) => value ?? null,
  );
}

/** Seconds since 1970, in an order that bytea keeps. */
function bytesOf(seconds: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(seconds);
  return bytes;
}
