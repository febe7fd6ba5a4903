import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { CurrentPrincipal, type Principal, principalOf } from '../../auth/principal.js';
import { RequirePermission } from '../../auth/require-permission.decorator.js';
import { DEVICEHIVE, DeviceHiveContext } from '../../transport/devicehive.context.js';
import { requestKeyOf } from '../../transport/request-key.js';
import { ActionController } from '../action-controller.decorator.js';
import { ApiAction } from '../api-action.decorator.js';
import { UnsubscribeDto } from '../subscription.exports.js';
import { api } from './command.api.js';
import { CommandService } from './command.service.js';
import { GetCommandDto } from './dto/get-command.dto.js';
import { InsertCommandDto } from './dto/insert-command.dto.js';
import { ListCommandsDto } from './dto/list-commands.dto.js';
import { SubscribeCommandsDto } from './dto/subscribe-commands.dto.js';
import { UpdateCommandDto } from './dto/update-command.dto.js';
import { CommandListService } from './list/command-list.service.js';
import { CommandSubscriptionService } from './replay/command-subscription.service.js';

@ActionController()
export class CommandController {
  constructor(
    private readonly commands: CommandService,
    private readonly lists: CommandListService,
    private readonly subscriptions: CommandSubscriptionService,
  ) {}

  @MessagePattern('command/update', DEVICEHIVE, { inOrderOf: 'commandId', isRepeatable: true })
  @RequirePermission('UpdateDeviceCommand')
  @ApiAction(api.update)
  update(@Payload() request: UpdateCommandDto, @Ctx() context: DeviceHiveContext) {
    // Two parameters: Nest makes four promises of each.
    return this.commands.update(principalOf(context), request, requestKeyOf(context));
  }

  @MessagePattern('command/insert', DEVICEHIVE, { isRepeatable: true })
  @RequirePermission('CreateDeviceCommand')
  @ApiAction(api.insert)
  async insert(@Payload() request: InsertCommandDto, @Ctx() context: DeviceHiveContext) {
    return { command: await this.commands.insert(principalOf(context), request, requestKeyOf(context)) };
  }

  @MessagePattern('command/get', DEVICEHIVE, { inOrderOf: 'commandId' })
  @RequirePermission('GetDeviceCommand')
  @ApiAction(api.get)
  async get(@Payload() request: GetCommandDto, @CurrentPrincipal() principal: Principal) {
    return { command: await this.commands.get(principal, request) };
  }

  // One after the other they take one place in work, as they take one connection.
  @MessagePattern('command/list', DEVICEHIVE, { inOrderOf: 'deviceId' })
  @RequirePermission('GetDeviceCommand')
  @ApiAction(api.list)
  async list(@Payload() request: ListCommandsDto, @CurrentPrincipal() principal: Principal) {
    return { commands: await this.lists.list(principal, request) };
  }

  @MessagePattern('command/subscribe', DEVICEHIVE)
  @RequirePermission('GetDeviceCommand')
  @ApiAction(api.subscribe)
  subscribe(
    @Payload() request: SubscribeCommandsDto,
    @CurrentPrincipal() principal: Principal,
    @Ctx() { origin }: DeviceHiveContext,
  ) {
    return this.subscriptions.subscribe(principal, origin, request);
  }

  @MessagePattern('command/unsubscribe', DEVICEHIVE)
  @RequirePermission('GetDeviceCommand')
  @ApiAction(api.unsubscribe)
  unsubscribe(@Payload() request: UnsubscribeDto, @Ctx() { origin }: DeviceHiveContext) {
    this.subscriptions.unsubscribe(origin, request.subscriptionId);
  }
}
