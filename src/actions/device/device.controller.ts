import { MessagePattern, Payload } from '@nestjs/microservices';
import { CurrentPrincipal, type Principal } from '../../auth/principal.js';
import { RequirePermission } from '../../auth/require-permission.decorator.js';
import { DEVICEHIVE } from '../../transport/devicehive.context.js';
import { type RequestKey, SentAs } from '../../transport/request-key.js';
import { ActionController } from '../action-controller.decorator.js';
import { ApiAction } from '../api-action.decorator.js';
import { api } from './device.api.js';
import { DeviceQueryService } from './device-query.service.js';
import { DeviceService } from './device.service.js';
import { DeviceIdDto } from './dto/device-id.dto.js';
import { SaveDeviceDto } from './dto/save-device.dto.js';
import { ListDevicesDto } from './list-devices.dto.js';

/** What one client asks of one device is executed in the order in which it came. */
const IN_ORDER = { inOrderOf: 'deviceId' };

@ActionController()
export class DeviceController {
  constructor(
    private readonly devices: DeviceService,
    private readonly queries: DeviceQueryService,
  ) {}

  @MessagePattern('device/save', DEVICEHIVE, IN_ORDER)
  @RequirePermission('RegisterDevice')
  @ApiAction(api.save)
  async save(
    @Payload() request: SaveDeviceDto,
    @CurrentPrincipal() principal: Principal,
    @SentAs() key?: RequestKey,
  ) {
    await this.devices.save(principal, request, key);
  }

  @MessagePattern('device/delete', DEVICEHIVE, IN_ORDER)
  @RequirePermission('RegisterDevice')
  @ApiAction(api.delete)
  async delete(
    @Payload() { deviceId }: DeviceIdDto,
    @CurrentPrincipal() principal: Principal,
    @SentAs() key?: RequestKey,
  ) {
    await this.devices.delete(principal, deviceId, key);
  }

  @MessagePattern('device/get', DEVICEHIVE, IN_ORDER)
  @RequirePermission('GetDevice')
  @ApiAction(api.get)
  async get(@Payload() { deviceId }: DeviceIdDto, @CurrentPrincipal() principal: Principal) {
    return { device: await this.queries.get(principal, deviceId) };
  }

  @MessagePattern('device/list', DEVICEHIVE)
  @RequirePermission('GetDevice')
  @ApiAction(api.list)
  async list(@Payload() request: ListDevicesDto, @CurrentPrincipal() principal: Principal) {
    return { devices: await this.queries.list(principal, request) };
  }

  @MessagePattern('device/count', DEVICEHIVE)
  @RequirePermission('GetDevice')
  @ApiAction(api.count)
  async count(@Payload() request: ListDevicesDto, @CurrentPrincipal() principal: Principal) {
    return { count: await this.queries.count(principal, request) };
  }
}
