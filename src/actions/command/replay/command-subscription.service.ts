import { Injectable } from '@nestjs/common';
import type { Principal } from '../../../auth/principal.js';
import type { DeviceEvent } from '../../../protocol/device-event.js';
import { printEvent } from '../../../transport/event-publisher.js';
import type { RequestOrigin } from '../../../transport/link/client-identity.js';
import { SubscriptionService } from '../../subscription.exports.js';
import { eventPayload } from '../device-command.js';
import type { SubscribeCommandsDto } from '../dto/subscribe-commands.dto.js';
import { CommandReplayRepository } from './command-replay.repository.js';

/** `command/subscribe` and `command/unsubscribe`. */
@Injectable()
export class CommandSubscriptionService {
  constructor(
    private readonly subscriptions: SubscriptionService,
    private readonly commands: CommandReplayRepository,
  ) {}

  /** @throws {ActionError} as `SubscriptionService`, and 503 where the replay takes too much time */
  subscribe(
    principal: Principal,
    origin: RequestOrigin,
    request: SubscribeCommandsDto,
  ): Promise<{ subscriptionId: number }> {
    const { returnUpdatedCommands, ...wanted } = request;
    return this.subscriptions.subscribe(
      principal,
      origin,
      { kind: 'command', returnUpdatedCommands: returnUpdatedCommands === true, ...wanted },
      () => this.replay(principal, request),
    );
  }

  unsubscribe(origin: RequestOrigin, subscriptionId?: number | null): void {
    this.subscriptions.unsubscribe(origin, 'command', subscriptionId);
  }

  private async replay(principal: Principal, request: SubscribeCommandsDto): Promise<DeviceEvent[]> {
    const kind = request.returnUpdatedCommands ? 'command_update' : 'command';
    const commands = await this.commands.since(request.timestamp!, principal, request);
    return commands.map((command) => printEvent(kind, command, command.command, eventPayload(kind, command)));
  }
}
