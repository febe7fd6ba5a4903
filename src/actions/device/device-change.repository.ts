import { Injectable } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';
import { Queries } from '../../database/queries.js';
import { answered } from '../../database/database-error.js';
import { WriteFence } from '../../database/write-fence.js';
import { write } from '../../database/write-statement.js';
import { type AccessScope, visibleDeviceParameters } from '../../directory/access-scope.js';
import { Lanes } from '../../transport/lanes.js';
import {
  type DeviceNotification,
  type NotificationRow,
  toDeviceNotification,
} from '../notification.exports.js';
import { type Fingerprint, fingerprintValues, ReplayWindow } from '../../transport/replay-window.js';
import * as sql from './device-change.statements.js';
import { deviceKeepsChanging } from './device.errors.js';
import type { DeviceFields } from './device.js';

type SavedRow = (NotificationRow | { id: null }) & {
  leads: boolean;
  is_active: boolean;
  is_hidden: boolean;
  has_network: boolean;
  has_type: boolean;
  /** an administrator asks, and there are none at all */
  lacks_networks: boolean;
  lacks_types: boolean;
};

/** What there is in the way of a save. */
export interface Obstacle {
  /** the user is not active, or which of these is out of sight */
  what: 'user' | 'device' | 'networkId' | 'deviceTypeId';
  /** it is out of an administrator's sight because there is none at all */
  isMissing?: boolean;
}

/** `notification` is missing for a repeat whose device is gone or out of sight by now. */
export type Saved = { obstacle: Obstacle } | { obstacle?: undefined; notification?: DeviceNotification };

/** Foreign key and unique key. */
const OVERTAKEN = ['23503', '23505'];
const ATTEMPTS = 5;

/** Changes of devices. Each is one statement that checks the caller's rights as it runs. */
@Injectable()
export class DeviceChangeRepository {
  /** A device takes one connection of the pool at most, however many changes wait for its locked row. */
  private readonly lanes = new Lanes();

  constructor(
    private readonly queries: Queries,
    private readonly fence: WriteFence,
    private readonly window: ReplayWindow,
  ) {}

  /**
   * Creates the device, or changes the fields that are set and keeps the others, unless this very request was
   * executed already.
   * @throws {ActionError} 503 where others keep creating and deleting it
   */
  save(scope: AccessScope, deviceId: string, fields: DeviceFields, request?: Fingerprint): Promise<Saved> {
    const visible = visibleDeviceParameters(scope, deviceId);
    const sentAs = fingerprintValues(request);
    const parameters = [...visible, ...valuesOf(fields), ...sentAs, this.window.seconds];
    return this.lanes.run(deviceId, async () => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const row = await this.trySave(scope, parameters);
        if (!row) continue;
        if (row.id !== null) return { notification: toDeviceNotification(row) };
        const obstacle = obstacleIn(row);
        // A device may also be out of sight because it was deleted while the statement waited for it.
        if (obstacle && (obstacle.what !== 'device' || attempt > 1)) return { obstacle };
        const repeat = !obstacle && request && (await this.findSaved(scope, [...visible, ...sentAs]));
        if (repeat) return repeat;
      }
      throw deviceKeepsChanging();
    });
  }

  /** @returns whether it is deleted, now or by the same request before; `false` where it is unknown or out of sight */
  delete(scope: AccessScope, deviceId: string, request?: Fingerprint): Promise<boolean> {
    const sentAs = fingerprintValues(request);
    const parameters = [...visibleDeviceParameters(scope, deviceId), ...sentAs, this.window.seconds];
    return this.lanes.run(deviceId, async () => {
      type Row = { leads: boolean; id: string | null };
      const { id } = await write<Row>(this.queries, scope, this.fence, sql.deleteStatement, parameters);
      if (id !== null || !request) return id !== null;
      const rows = await answered(this.queries.run('lookup', scope, sql.IS_DELETED, sentAs));
      return rows.length > 0;
    });
  }

  /** @returns `undefined` where somebody else was faster, and nothing was changed */
  private async trySave(scope: AccessScope, parameters: unknown[]): Promise<SavedRow | undefined> {
    try {
      return await write<SavedRow>(this.queries, scope, this.fence, sql.saveStatement, parameters);
    } catch (error) {
      const { code } = error instanceof QueryFailedError ? (error.driverError as { code?: string }) : {};
      if (!OVERTAKEN.includes(code ?? '')) throw error;
      return undefined;
    }
  }

  private async findSaved(scope: AccessScope, parameters: unknown[]): Promise<Saved | undefined> {
    type Row = NotificationRow | { id: null };
    const [row] = await answered(this.queries.run<Row>('lookup', scope, sql.FIND_SAVED, parameters));
    return row && { notification: row.id === null ? undefined : toDeviceNotification(row) };
  }
}

function obstacleIn(row: SavedRow): Obstacle | undefined {
  if (!row.is_active) return { what: 'user' };
  if (row.is_hidden) return { what: 'device' };
  if (!row.has_network) return { what: 'networkId', isMissing: row.lacks_networks };
  return row.has_type ? undefined : { what: 'deviceTypeId', isMissing: row.lacks_types };
}

function valuesOf({ name, data, networkId, deviceTypeId, isBlocked }: DeviceFields): unknown[] {
  return [name, data?.text, networkId, deviceTypeId, isBlocked].map((value) => value ?? null);
}
