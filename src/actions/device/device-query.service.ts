import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { DirectoryRepository } from '../../directory/directory.repository.js';
import { invalidCredentials } from '../../protocol/action-error.js';
import type { JsonText } from '../../protocol/json-text.js';
import { whyNoDevice } from '../shared/device-refusal.js';
import { DeviceRepository } from './device.repository.js';
import type { DeviceView } from './device.js';
import type { ListDevicesDto } from './list-devices.dto.js';

/** The rules of `device/get`, `device/list` and `device/count`: only what the caller sees. */
@Injectable()
export class DeviceQueryService {
  constructor(
    private readonly devices: DeviceRepository,
    private readonly directory: DirectoryRepository,
  ) {}

  /** @throws {ActionError} 403 or 404 */
  async get(principal: Principal, deviceId: string): Promise<DeviceView> {
    const device = await this.devices.get(principal, deviceId);
    if (!device) throw await whyNoDevice(this.directory, principal, deviceId);
    return device;
  }

  /**
   * @returns an array of `DeviceView`
   * @throws {ActionError} 400 for a `sortField` that is not known, 413 where the page is too long, 503 where it takes too much time
   */
  async list(principal: Principal, request: ListDevicesDto): Promise<JsonText> {
    const devices = await this.devices.list(principal, request);
    if (!devices) throw invalidCredentials();
    return devices;
  }

  async count(principal: Principal, request: ListDevicesDto): Promise<number> {
    const count = await this.devices.count(principal, request);
    if (count === undefined) throw invalidCredentials();
    return count;
  }
}
