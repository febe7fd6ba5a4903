import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { DirectoryRepository } from '../../directory/directory.repository.js';
import type { ActionError } from '../../protocol/action-error.js';
import type { RequestKey } from '../../transport/request-key.js';
import { ReplayWindow } from '../../transport/replay-window.js';
import type { JsonText } from '../../protocol/json-text.js';
import { whyNoDevice } from '../shared/device-refusal.js';
import type { DeviceNotification, NotificationFields } from './device-notification.js';
import type { ListNotificationsDto } from './list-notifications.dto.js';
import { notificationNotFound } from './notification.errors.js';
import { NotificationEvents } from './notification.events.js';
import { NotificationRepository } from './notification.repository.js';

const INSERT = 'notification/insert';

/** The rules of the notification actions: whose device, who is told. */
@Injectable()
export class NotificationService {
  constructor(
    private readonly notifications: NotificationRepository,
    private readonly directory: DirectoryRepository,
    private readonly events: NotificationEvents,
    private readonly window: ReplayWindow,
  ) {}

  /**
   * Resolves once the row is committed and its event is on the way.
   * @returns what the inserter does not know yet; to a repeat the same as the first time
   * @throws {ActionError} 403 or 404 for the device; 404 for a repeat whose notification is gone
   */
  async insert(
    principal: Principal,
    request: { deviceId: string; notification: NotificationFields },
    sentAs?: RequestKey,
  ): Promise<Pick<DeviceNotification, 'id' | 'timestamp'>> {
    const { deviceId, notification: fields } = request;
    const content = [deviceId, fields.notification, fields.timestamp, fields.parameters?.text];
    const known = this.window.fingerprint(sentAs, principal.userId, INSERT, content);
    const notification = await this.notifications.insert(principal, deviceId, fields, known);
    if (!notification) throw await whyNoDevice(this.directory, principal, deviceId);
    this.events.tell(notification);
    const { id, timestamp } = notification;
    return { id, timestamp };
  }

  /** @throws {ActionError} 403 or 404 for the device, 404 for the notification */
  async get(
    principal: Principal,
    request: { deviceId: string; notificationId: number },
  ): Promise<DeviceNotification> {
    const { deviceId, notificationId } = request;
    const notification = await this.notifications.get(principal, deviceId, notificationId);
    if (!notification) throw await this.reasonFor(principal, deviceId);
    return notification;
  }

  /**
   * @returns an array of `DeviceNotification`
   * @throws {ActionError} 403 or 404 for the device, 413 if the page is too long, 503 if it takes too much time
   */
  async list(principal: Principal, request: ListNotificationsDto): Promise<JsonText> {
    const notifications = await this.notifications.list(principal, request);
    if (!notifications) throw await whyNoDevice(this.directory, principal, request.deviceId);
    return notifications;
  }

  private async reasonFor(principal: Principal, deviceId: string): Promise<ActionError> {
    if (await this.directory.isVisible(principal, deviceId)) return notificationNotFound();
    return whyNoDevice(this.directory, principal, deviceId);
  }
}
