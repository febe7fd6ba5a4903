import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { answered } from '../../database/database-error.js';
import { WriteFence } from '../../database/write-fence.js';
import { write } from '../../database/write-statement.js';
import { type AccessScope, visibleDeviceParameters } from '../../directory/access-scope.js';
import { rowLocked } from '../../protocol/action-error.js';
import { Lanes } from '../../transport/lanes.js';
import { type Fingerprint, fingerprintValues, ReplayWindow } from '../../transport/replay-window.js';
import { CommandOptions } from './command.options.js';
import * as sql from './command.statements.js';
import {
  type CommandFields,
  type CommandRow,
  type DeviceCommand,
  toDeviceCommand,
} from './device-command.js';

/** What a statement that changes something answers: `id` is null where it changed nothing. */
type ChangedRow = (CommandRow | { id: null }) & { leads: boolean };

/** A repeat that comes just before the end of the window still finds what it repeats. */
const SPARE_SECONDS = 60;

/** Rows of `device_command`. Each change is one statement that checks the caller's rights as it runs. */
@Injectable()
export class CommandRepository {
  /** A command takes one connection of the pool at most, however many updates wait for its locked row. */
  private readonly lanes = new Lanes();

  constructor(
    private readonly dataSource: DataSource,
    private readonly fence: WriteFence,
    private readonly window: ReplayWindow,
    private readonly options: CommandOptions,
  ) {}

  /**
   * Applies the fields that are set and keeps the others, unless this very request was applied already. Updates
   * of one command are applied in the order of the calls.
   * @param request recognises a repeat; without it each call is applied
   * @returns the row as committed; `undefined` where device or command is unknown or out of sight
   * @throws {ActionError} 503 where the row, or those who wait for it, keep this one waiting for too long
   */
  update(
    scope: AccessScope,
    deviceId: string,
    commandId: number,
    fields: CommandFields,
    request?: Fingerprint,
  ): Promise<DeviceCommand | undefined> {
    const visible = visibleDeviceParameters(scope, deviceId);
    const sentAs = [...fingerprintValues(request), this.window.seconds];
    // The term of now: what still waits here when another replica takes over is not to be written in a later one.
    const { term } = this.fence;
    const cameAt = performance.now();
    return this.lanes.run(commandId, async () => {
      if (performance.now() - cameAt > this.options.deadlineMs) throw rowLocked();
      const parameters = [...visible, ...fieldValues(fields), commandId, ...sentAs];
      const changed = await this.change(sql.updateStatement, parameters, { term });
      if (changed || !request) return changed;
      return this.find(sql.FIND_UPDATED, [...visible, commandId, ...sentAs]);
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
    const sentAs = fingerprintValues(request);
    const parameters = [...visible, ...fieldValues(fields), ...sentAs, this.window.seconds];
    const inserted = await this.change(sql.insertStatement, parameters, this.fence);
    if (inserted || !request) return inserted;
    return this.find(sql.FIND_INSERTED, [...visible, ...sentAs]);
  }

  get(scope: AccessScope, deviceId: string, commandId: number): Promise<DeviceCommand | undefined> {
    return this.find(sql.FIND, [...visibleDeviceParameters(scope, deviceId), commandId]);
  }

  /** Forgets the inserts, of all actions, whose repeats are not recognised any more. */
  async forgetInserts(): Promise<void> {
    await answered(this.dataSource.query(sql.FORGET_INSERTS, [this.window.seconds + SPARE_SECONDS]));
  }

  private async change(
    statement: (fenced: boolean) => string,
    parameters: unknown[],
    fence: WriteFence,
  ): Promise<DeviceCommand | undefined> {
    const row = await write<ChangedRow>(this.dataSource, fence, statement, parameters);
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
