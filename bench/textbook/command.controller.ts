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
import type { DeviceCommand } from './entities.js';
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
    const command = await this.commands.update(deviceId, commandId, request.command);
    if (command) this.tell(action, command);
    const status = command ? 'success' : 'error';
    this.publish(`dh/response/${action}@${clientId}`, { action, requestId, status });
  }

  private tell(action: string, { id, device, ...fields }: DeviceCommand): void {
    const { deviceId } = device;
    const networkId = Number(device.networkId);
    const deviceTypeId = Number(device.deviceTypeId);
    const command = { ...fields, id: Number(id), deviceId, networkId, deviceTypeId };
    const topic = `dh/command_update/${networkId}/${deviceTypeId}/${deviceId}/${fields.command}`;
    this.publish(topic, { action, command, subscriptionId: 0 });
  }

  private publish(topic: string, payload: object): void {
    this.broker.emit(topic, new MqttRecordBuilder(payload).setQoS(1).build());
  }
}
