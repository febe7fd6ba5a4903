import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { CurrentPrincipal, type Principal } from '../../auth/principal.js';
import { RequirePermission } from '../../auth/require-permission.decorator.js';
import { DEVICEHIVE, DeviceHiveContext } from '../../transport/devicehive.context.js';
import { ActionController } from '../action-controller.decorator.js';
import { ApiAction } from '../api-action.decorator.js';
import { api } from './subscription.api.js';
import { ListSubscriptionsDto } from './subscription.dto.js';
import { SubscriptionListService } from './subscription-list.service.js';

@ActionController()
export class SubscriptionController {
  constructor(private readonly lists: SubscriptionListService) {}

  @MessagePattern('subscription/list', DEVICEHIVE)
  @RequirePermission('GetDeviceCommand', 'GetDeviceNotification')
  @ApiAction(api.list)
  list(
    @Payload() { type }: ListSubscriptionsDto,
    @CurrentPrincipal() principal: Principal,
    @Ctx() { origin }: DeviceHiveContext,
  ) {
    return { subscriptions: this.lists.list(principal, origin.connectionId, type) };
  }
}
