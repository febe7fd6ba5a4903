import { Controller, Inject, UseGuards } from '@nestjs/common';
import {
  ClientProxy,
  Ctx,
  EventPattern,
  MqttContext,
  MqttRecordBuilder,
  Payload,
} from '@nestjs/microservices';
import { CommandService } from './command.service.js';
import type { Device, DeviceCommand } from './entities.js';
import { JwtGuard } from './jwt.guard.js';
import { UpdateCommandDto } from './update-command.dto.js';

export const BROKER = 'BROKER';

@Controller()
export class CommandController {
  constructor(
    private readonly commands: CommandService,
    @Inject(BROKER) private readonly broker: ClientProxy,
  ) {}

  @UseGuards(JwtGuard)
  @EventPattern<string>('dh/request/+')
  async update(@Payload() request: UpdateCommandDto, @Ctx() context: MqttContext): Promise<void> {
    const { action, requestId, deviceId, commandId } = request;
    const clientId = context.getTopic().slice('dh/request/'.length);
    const updated = await this.commands.update(deviceId, commandId, request.command);
    if (updated) this.tell(action, updated.device, updated.command);
    const status = updated ? 'success' : 'error';
    this.publish(`dh/response/${action}@${clientId}`, { action, requestId, status });
  }

  private tell(action: string, device: Device, stored: DeviceCommand): void {
    const { deviceId } = device;
    const networkId = Number(device.networkId);
    const deviceTypeId = Number(device.deviceTypeId);
    const command = { ...stored, id: Number(stored.id), deviceId, networkId, deviceTypeId };
    const topic = `dh/command_update/${networkId}/${deviceTypeId}/${deviceId}/${stored.command}`;
    this.publish(topic, { action, command, subscriptionId: 0 });
  }

  private publish(topic: string, payload: object): void {
    this.broker.emit(topic, new MqttRecordBuilder(payload).setQoS(1).build());
  }
}
