import { Injectable } from '@nestjs/common';
import { type Bound, Queries } from '../../database/queries.js';
import { answered } from '../../database/database-error.js';
import { WriteFence } from '../../database/write-fence.js';
import { type AccessScope, visibleDeviceParameters } from '../../directory/access-scope.js';
import { Lanes } from '../../transport/lanes.js';
import { type Fingerprint, ReplayWindow } from '../../transport/replay-window.js';
import type { BatchedRow } from '../shared/batch-rows.js';
import { BatchedWrites, inOrderOfItems, type OutcomeRow } from '../shared/batched-writes.js';
import { WholeRows } from '../shared/whole-rows.js';
import { Batcher } from '../../database/batcher.js';
import { batchedCommand, valuesOf } from './command-batch.js';
import { commandIsGone } from './command.errors.js';
import { GET, valuesOf as valuesOfGet, wantedCommand } from './command-get.statement.js';
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
type Writes = BatchedWrites<BatchedRow, Row>;

/**
 * One statement at a time gets a few commands. Their replies follow each other at once, while nobody else's request is
 * read, and two sessions for gets keep this process busy without a pause.
 */
const GETS = { slots: 1, weight: 8 };

/** Rows of `device_command`. Each change is a statement for many requests that checks the rights of each as it runs. */
@Injectable()
export class CommandRepository {
  private readonly updates: Writes;
  private readonly inserts: Writes;
  private readonly wholeRows: WholeRows<CommandRow>;
  private readonly gets: Batcher<BatchedRow, Row>;
  /** whose statements take turns with those of writes */
  private readonly getting = { userId: 'command/get' };
  private readonly readings = new Lanes();

  constructor(
    private readonly queries: Queries,
    fence: WriteFence,
    window: ReplayWindow,
    { deadlineMs }: CommandOptions,
  ) {
    const values = (batch: BatchedRow[]) => valuesOf(batch, window.seconds);
    const writes = (statement: typeof updateStatement): Writes =>
      new BatchedWrites(queries, fence, { statement, values }, deadlineMs);
    this.updates = writes(updateStatement);
    this.inserts = writes(insertStatement);
    this.wholeRows = new WholeRows(queries, sql.FIND_AGAIN);
    const limits = { ...GETS, deadlineMs };
    this.gets = new Batcher((batch, bound) => this.readBatch(batch, bound), limits);
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
    return this.told(scope, await this.updates.run(command));
  }

  /**
   * @param request recognises a repeat, which gets the command that the first one made
   * @returns `undefined` where the device is unknown or out of sight
   * @throws {ActionError} 404 where somebody has deleted the command of a repeat; 503 where somebody else holds the device
   *   for too long
   */
  async insert(
    scope: AccessScope,
    deviceId: string,
    fields: CommandFields,
    request?: Fingerprint,
  ): Promise<DeviceCommand | undefined> {
    const command = batchedCommand(scope, deviceId, fields, request);
    const row = await this.inserts.run(command);
    if (row?.state === 'gone') throw commandIsGone();
    return this.told(scope, row);
  }

  /** Requests that come together are read in one statement, which checks the rights of each. */
  async get(scope: AccessScope, deviceId: string, commandId: number): Promise<DeviceCommand | undefined> {
    const row = await this.gets.add(wantedCommand(scope, deviceId, commandId), scope);
    if (row.state !== 'done') return undefined;
    const whole = row.fits ? row : await this.getAlone(scope, deviceId, commandId);
    return whole && toDeviceCommand(whole);
  }

  private async readBatch(batch: BatchedRow[], bound: () => Bound): Promise<(Row | undefined)[]> {
    const values = valuesOfGet(batch);
    const rows = await answered(this.queries.run<Row>('batch', this.getting, GET, values, bound));
    return inOrderOfItems(batch, rows);
  }

  /** One that is too long for the answer of its batch. One after the other for each user, as `WholeRows`. */
  private getAlone(scope: AccessScope, deviceId: string, commandId: number): Promise<CommandRow | undefined> {
    const parameters = [...visibleDeviceParameters(scope, deviceId), commandId];
    return this.readings.run(scope.userId, async () => {
      const [row] = await answered(this.queries.run<CommandRow>('lookup', scope, sql.FIND, parameters));
      return row;
    });
  }

  private async told(scope: AccessScope, row: Row | undefined): Promise<DeviceCommand | undefined> {
    const whole = await this.wholeRows.of(scope, row);
    return whole && toDeviceCommand(whole);
  }
}
