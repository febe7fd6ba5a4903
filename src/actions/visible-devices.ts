import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { Queries } from '../database/queries.js';
import { answered } from '../database/database-error.js';
import { FIND_VISIBLE, visibleDeviceParameters } from '../directory/access-scope.js';
import { DirectoryRepository } from '../directory/directory.repository.js';
import type { EventSubject } from '../protocol/topics.js';
import { whyNoDevice } from './shared/device-refusal.js';

type Row = { device_id: string; network_id: string; device_type_id: string };

/** For actions of one's own on a device: a permission alone does not say on which. */
@Injectable()
export class VisibleDevices {
  constructor(
    private readonly queries: Queries,
    private readonly directory: DirectoryRepository,
  ) {}

  /**
   * The device with its current network and type, as `EventPublisher.publish` takes them.
   * @throws {ActionError} 404 where there is none, 403 instead for a limited token, 401 where the user is not active,
   *   503 while the database is away
   */
  async get(principal: Principal, deviceId: string): Promise<EventSubject> {
    const parameters = visibleDeviceParameters(principal, deviceId);
    const [row] = await answered(this.queries.run<Row>('lookup', principal, FIND_VISIBLE, parameters));
    if (!row) throw await whyNoDevice(this.directory, principal, deviceId);
    return {
      deviceId: row.device_id,
      networkId: Number(row.network_id),
      deviceTypeId: Number(row.device_type_id),
    };
  }
}
