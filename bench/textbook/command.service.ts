import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { DeviceCommand } from './entities.js';
import type { CommandFieldsDto } from './update-command.dto.js';

@Injectable()
export class CommandService {
  constructor(@InjectRepository(DeviceCommand) private readonly commands: Repository<DeviceCommand>) {}

  async update(deviceId: string, commandId: number, fields: CommandFieldsDto): Promise<DeviceCommand | null> {
    const command = await this.commands.findOne({
      where: { id: String(commandId), device: { deviceId } },
      relations: { device: true },
    });
    if (!command) return null;
    Object.assign(command, fields, { isUpdated: true, lastUpdated: new Date() });
    return this.commands.save(command);
  }
}
