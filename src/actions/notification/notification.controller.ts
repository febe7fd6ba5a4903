import { MessagePattern, Payload } from '@nestjs/microservices';
import { CurrentPrincipal, type Principal } from '../../auth/principal.js';
import { RequirePermission } from '../../auth/require-permission.decorator.js';
import { DEVICEHIVE } from '../../transport/devicehive.context.js';
import { type RequestKey, SentAs } from '../../transport/request-key.js';
import { ActionController } from '../action-controller.decorator.js';
import { GetNotificationDto } from './dto/get-notification.dto.js';
import { InsertNotificationDto } from './dto/insert-notification.dto.js';
import { ListNotificationsDto } from './list-notifications.dto.js';
import { NotificationService } from './notification.service.js';

@ActionController()
export class NotificationController {
  constructor(private readonly notifications: NotificationService) {}

  @MessagePattern('notification/insert', DEVICEHIVE)
  @RequirePermission('CreateDeviceNotification')
  async insert(
    @Payload() request: InsertNotificationDto,
    @CurrentPrincipal() principal: Principal,
    @SentAs() key?: RequestKey,
  ) {
    return { notification: await this.notifications.insert(principal, request, key) };
  }

  @MessagePattern('notification/get', DEVICEHIVE)
  @RequirePermission('GetDeviceNotification')
  async get(@Payload() request: GetNotificationDto, @CurrentPrincipal() principal: Principal) {
    return { notification: await this.notifications.get(principal, request) };
  }

  @MessagePattern('notification/list', DEVICEHIVE)
  @RequirePermission('GetDeviceNotification')
  async list(@Payload() request: ListNotificationsDto, @CurrentPrincipal() principal: Principal) {
    return { notifications: await this.notifications.list(principal, request) };
  }
}
