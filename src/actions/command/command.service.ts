import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { DirectoryRepository } from '../../directory/directory.repository.js';
import type { ActionError } from '../../protocol/action-error.js';
import { EventPublisher } from '../../transport/event-publisher.js';
import { type Fingerprint, ReplayWindow } from '../../transport/replay-window.js';
import type { RequestKey } from '../../transport/request-key.js';
import { whyNoDevice } from '../shared/device-refusal.js';
import { commandNotFound } from './command.errors.js';
import { CommandOptions } from './command.options.js';
import { CommandRepository } from './command.repository.js';
import { type CommandFields, type DeviceCommand, eventPayload, expiryOf } from './device-command.js';

/** The rules of the command actions: whose device, which fields, who is told. */
@Injectable()
export class CommandService {
  constructor(
    private readonly commands: CommandRepository,
    private readonly directory: DirectoryRepository,
    private readonly events: EventPublisher,
    private readonly window: ReplayWindow,
    private readonly options: CommandOptions,
  ) {}

  /**
   * Resolves once the row is committed and its event is on the way. A repeat changes nothing, and tells of the
   * row as it is now: the first event may have been lost with the answer.
   * @throws {ActionError} 403 or 404 for the device, 404 for the command
   */
  async update(
    principal: Principal,
    request: { deviceId: string; commandId: number; command: CommandFields },
    sentAs?: RequestKey,
  ): Promise<void> {
    const { deviceId, commandId } = request;
    const fields = this.updatable(request.command);
    const fingerprint = this.fingerprint('command/update', principal, request, sentAs);
    const command = await this.commands.update(principal, deviceId, commandId, fields, fingerprint);
    if (!command) throw await this.reasonFor(principal, deviceId, commandNotFound(commandId));
    this.tell('command_update', command);
  }

  /**
   * @returns what the inserter does not know yet; to a repeat the same as the first time
   * @throws {ActionError} 403 or 404 for the device; 404 for a repeat whose command was deleted
   */
  async insert(
    principal: Principal,
    request: { deviceId: string; command: CommandFields },
    sentAs?: RequestKey,
  ): Promise<Pick<DeviceCommand, 'id' | 'timestamp' | 'lastUpdated' | 'userId'>> {
    const fingerprint = this.fingerprint('command/insert', principal, request, sentAs);
    const command = await this.commands.insert(principal, request.deviceId, request.command, fingerprint);
    if (!command) throw await whyNoDevice(this.directory, principal, request.deviceId);
    this.tell('command', command);
    const { id, timestamp, lastUpdated, userId } = command;
    return { id, timestamp, lastUpdated, userId };
  }

  async get(principal: Principal, request: { deviceId: string; commandId: number }): Promise<DeviceCommand> {
    const { deviceId, commandId } = request;
    const command = await this.commands.get(principal, deviceId, commandId);
    if (!command) throw await this.reasonFor(principal, deviceId, commandNotFound(commandId));
    return command;
  }

  private updatable(fields: CommandFields): CommandFields {
    const updatable: Record<string, unknown> = {};
    for (const name of this.options.updateFields) updatable[name] = fields[name];
    return updatable;
  }

  private fingerprint(
    action: string,
    { userId }: Principal,
    request: { deviceId: string; commandId?: number; command: CommandFields },
    sentAs?: RequestKey,
  ): Fingerprint | undefined {
    const { command, timestamp, parameters, lifetime, status, result } = request.command;
    const fields = [command, timestamp, parameters?.text, lifetime, status, result?.text];
    return this.window.fingerprint(sentAs, userId, action, [request.deviceId, request.commandId, ...fields]);
  }

  private tell(kind: 'command' | 'command_update', command: DeviceCommand): void {
    // What became of a command counts when it is over, too.
    const expiresAt = kind === 'command' ? expiryOf(command) : undefined;
    this.events.publish(kind, command, command.command, eventPayload(kind, command), expiresAt);
  }

  /** Why a statement touched no row: asked only then. `noCommand` where the device is there. */
  private async reasonFor(
    principal: Principal,
    deviceId: string,
    noCommand: ActionError,
  ): Promise<ActionError> {
    if (await this.directory.isVisible(principal, deviceId)) return noCommand;
    return whyNoDevice(this.directory, principal, deviceId);
  }
}
