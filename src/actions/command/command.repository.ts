import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../../database/data-source.name.js';
import { answered, databaseError, OUTCOME_UNKNOWN } from '../../database/database-error.js';
import { WriteFence } from '../../database/write-fence.js';
import { type AccessScope, visibleDeviceParameters } from '../../directory/access-scope.js';
import { Unavailable } from '../../protocol/action-error.js';
import { Lanes } from '../../transport/lanes.js';
import { type Fingerprint, ReplayWindow } from '../../transport/replay-window.js';
import { BatchedWrites, type OutcomeRow } from '../shared/batched-writes.js';
import { type BatchedCommand, batchedCommand, valuesOf } from './command-batch.js';
import { insertStatement } from './command-insert.statement.js';
import { CommandOptions } from './command.options.js';
import * as sql from './command.statements.js';
import { updateStatement } from './command-update.statement.js';
import {
  type CommandFields,
  type CommandRow,
  type DeviceCommand,
  toDeviceCommand,
} from './device-command.js';

type Row = CommandRow & OutcomeRow & { fits: boolean };
type Writes = BatchedWrites<BatchedCommand, Row>;

/** Rows of `device_command`. Each change is a statement for many requests that checks the rights of each as it runs. */
@Injectable()
export class CommandRepository {
  private readonly updates: Writes;
  private readonly inserts: Writes;
  private readonly readings = new Lanes();

  constructor(
    @InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource,
    fence: WriteFence,
    window: ReplayWindow,
    { deadlineMs }: CommandOptions,
  ) {
    const values = (batch: BatchedCommand[]) => valuesOf(batch, window.seconds);
    const writes = (statement: typeof updateStatement): Writes =>
      new BatchedWrites(dataSource, fence, { statement, values }, deadlineMs);
    this.updates = writes(updateStatement);
    this.inserts = writes(insertStatement);
  }

  /**
   * Applies the fields that are set and keeps the others, unless this very request was applied already. Updates
   * of one command are applied in the order of the calls.
   * @param request recognises a repeat; without it each call is applied
   * @returns the row as committed; `undefined` where device or command is unknown or out of sight
   * @throws {ActionError} 503 where somebody else holds the row for too long
   */
  async update(
    scope: AccessScope,
    deviceId: string,
    commandId: number,
    fields: CommandFields,
    request?: Fingerprint,
  ): Promise<DeviceCommand | undefined> {
    const command = batchedCommand(scope, deviceId, fields, request, commandId);
    return this.whole(scope, await this.updates.run(command));
  }

  /**
   * @param request recognises a repeat, which gets the command that the first one made
   * @returns `undefined` where the device is unknown or out of sight
   * @throws {ActionError} 503 where somebody else holds the device for too long
   */
  async insert(
    scope: AccessScope,
    deviceId: string,
    fields: CommandFields,
    request?: Fingerprint,
  ): Promise<DeviceCommand | undefined> {
    const command = batchedCommand(scope, deviceId, fields, request);
    return this.whole(scope, await this.inserts.run(command));
  }

  /**
   * One that is too long for the answer of its batch is read again, and is as of then, or gone by then. One after the
   * other for each user: a batch of them would take all connections for seconds.
   */
  private async whole({ userId }: AccessScope, row: Row | undefined): Promise<DeviceCommand | undefined> {
    if (!row || row.fits) return row && toDeviceCommand(row);
    return this.readings.run(userId, async () => {
      const [again] = await this.dataSource
        .query<CommandRow[]>(sql.FIND_AGAIN, [row.id])
        .catch((error: unknown) => {
          throw afterCommit(error);
        });
      return again && toDeviceCommand(again);
    });
  }

  async get(scope: AccessScope, deviceId: string, commandId: number): Promise<DeviceCommand | undefined> {
    const parameters = [...visibleDeviceParameters(scope, deviceId), commandId];
    const [row] = await answered(this.dataSource.query<CommandRow[]>(sql.FIND, parameters));
    return row && toDeviceCommand(row);
  }
}

/** Whatever is in the way of reading it, what was asked for is stored. */
function afterCommit(cause: unknown): Unavailable {
  const { isUnexplained = true } = databaseError(cause) as Partial<Unavailable>;
  return new Unavailable(OUTCOME_UNKNOWN, true, { cause, isUnexplained });
}
