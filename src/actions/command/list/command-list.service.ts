import { Injectable } from '@nestjs/common';
import type { Principal } from '../../../auth/principal.js';
import { DirectoryRepository } from '../../../directory/directory.repository.js';
import { whyNoDevice } from '../../shared/device-refusal.js';
import type { JsonText } from '../../../protocol/json-text.js';
import type { ListCommandsDto } from '../dto/list-commands.dto.js';
import { CommandListRepository } from './command-list.repository.js';

/** The rules of `command/list`: whose device. */
@Injectable()
export class CommandListService {
  constructor(
    private readonly commands: CommandListRepository,
    private readonly directory: DirectoryRepository,
  ) {}

  /**
   * Filtered and sorted before `skip` and `take` apply. An expired command is listed like any other.
   * @returns an array of `DeviceCommand`
   * @throws {ActionError} 403 or 404 for the device, 413 for a page that is too long, 503 for one that takes too much time
   */
  async list(principal: Principal, request: ListCommandsDto): Promise<JsonText> {
    const commands = await this.commands.list(principal, request);
    if (!commands) throw await whyNoDevice(this.directory, principal, request.deviceId);
    return commands;
  }
}
