import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { CurrentPrincipal, type Principal } from '../../auth/principal.js';
import { RequirePermission } from '../../auth/require-permission.decorator.js';
import { DEVICEHIVE, DeviceHiveContext } from '../../transport/devicehive.context.js';
import { type RequestKey, SentAs } from '../../transport/request-key.js';
import { ActionController } from '../action-controller.decorator.js';
import { ApiAction } from '../api-action.decorator.js';
import { SubscribeDto, UnsubscribeDto } from '../subscription.exports.js';
import { api } from './notification.api.js';
import { GetNotificationDto } from './dto/get-notification.dto.js';
import { InsertNotificationDto } from './dto/insert-notification.dto.js';
import { ListNotificationsDto } from './list-notifications.dto.js';
import { NotificationService } from './notification.service.js';
import { NotificationSubscriptionService } from './notification-subscription.service.js';

@ActionController()
export class NotificationController {
  constructor(
    private readonly notifications: NotificationService,
    private readonly subscriptions: NotificationSubscriptionService,
  ) {}

  @MessagePattern('notification/insert', DEVICEHIVE, { isRepeatable: true })
  @RequirePermission('CreateDeviceNotification')
  @ApiAction(api.insert)
  async insert(
    @Payload() request: InsertNotificationDto,
    @CurrentPrincipal() principal: Principal,
    @SentAs() key?: RequestKey,
  ) {
    return { notification: await this.notifications.insert(principal, request, key) };
  }

  @MessagePattern('notification/get', DEVICEHIVE)
  @RequirePermission('GetDeviceNotification')
  @ApiAction(api.get)
  async get(@Payload() request: GetNotificationDto, @CurrentPrincipal() principal: Principal) {
    return { notification: await this.notifications.get(principal, request) };
  }

  @MessagePattern('notification/list', DEVICEHIVE)
  @RequirePermission('GetDeviceNotification')
  @ApiAction(api.list)
  async list(@Payload() request: ListNotificationsDto, @CurrentPrincipal() principal: Principal) {
    return { notifications: await this.notifications.list(principal, request) };
  }

  @MessagePattern('notification/subscribe', DEVICEHIVE)
  @RequirePermission('GetDeviceNotification')
  @ApiAction(api.subscribe)
  subscribe(
    @Payload() request: SubscribeDto,
    @CurrentPrincipal() principal: Principal,
    @Ctx() { origin }: DeviceHiveContext,
  ) {
    return this.subscriptions.subscribe(principal, origin, request);
  }

  @MessagePattern('notification/unsubscribe', DEVICEHIVE)
  @RequirePermission('GetDeviceNotification')
  @ApiAction(api.unsubscribe)
  unsubscribe(@Payload() request: UnsubscribeDto, @Ctx() { origin }: DeviceHiveContext) {
    this.subscriptions.unsubscribe(origin, request.subscriptionId);
  }
}
