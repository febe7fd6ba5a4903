import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { DirectoryRepository } from '../../directory/directory.repository.js';
import { accessDenied, type ActionError, invalidCredentials } from '../../protocol/action-error.js';
import type { RequestKey } from '../../transport/request-key.js';
import { ReplayWindow } from '../../transport/replay-window.js';
import { whyNoDevice } from '../shared/device-refusal.js';
import { invalidParameters } from '../shared/request-errors.js';
import { NotificationEvents } from '../notification.exports.js';
import { DeviceChangeRepository, type Obstacle } from './device-change.repository.js';
import { noAccessTo, noneYet } from './device.errors.js';
import type { DeviceFields } from './device.js';

/** The rules of `device/save` and `device/delete`: whose device, where to, who is told. */
@Injectable()
export class DeviceService {
  constructor(
    private readonly devices: DeviceChangeRepository,
    private readonly directory: DirectoryRepository,
    private readonly notifications: NotificationEvents,
    private readonly window: ReplayWindow,
  ) {}

  /**
   * Resolves once device and notification are committed and its event is on the way. A repeat changes nothing, and
   * tells of the first again: its event may have been lost with the answer.
   * @throws {ActionError} 403 for a device out of sight (ids are one name space for all), and for a network or device
   *   type out of sight, existing or not; callers without limits get 400 for those. 403 or 404 if none is asked for and
   *   there is none to take
   */
  async save(
    principal: Principal,
    { deviceId, device }: { deviceId: string; device: DeviceFields },
    sentAs?: RequestKey,
  ): Promise<void> {
    const { name, data, networkId, deviceTypeId, isBlocked } = device;
    const content = [deviceId, name, data?.text, networkId, deviceTypeId, isBlocked];
    const request = this.window.fingerprint(sentAs, principal.userId, 'device/save', content);
    const saved = await this.devices.save(principal, deviceId, device, request);
    if (saved.obstacle) throw refusal(principal, saved.obstacle, device);
    if (saved.notification) this.notifications.tell(saved.notification);
  }

  /** @throws {ActionError} 403 or 404 for the device; a repeat of what was done before succeeds */
  async delete(principal: Principal, deviceId: string, sentAs?: RequestKey): Promise<void> {
    const request = this.window.fingerprint(sentAs, principal.userId, 'device/delete', [deviceId]);
    if (await this.devices.delete(principal, deviceId, request)) return;
    throw await whyNoDevice(this.directory, principal, deviceId);
  }
}

function refusal(principal: Principal, obstacle: Obstacle, device: DeviceFields): ActionError {
  if (obstacle.what === 'user') return invalidCredentials();
  if (obstacle.what === 'device') return accessDenied();
  if (device[obstacle.what] != null) return principal.limited ? accessDenied() : invalidParameters();
  const place = obstacle.what === 'networkId' ? 'network' : 'device type';
  return obstacle.isMissing ? noneYet(place) : noAccessTo(place);
}
