import { Injectable } from '@nestjs/common';
import type { Principal } from '../../../auth/principal.js';
import { printEvent } from '../../../transport/event-publisher.js';
import type { RequestOrigin } from '../../../transport/link/client-identity.js';
import { type Subscribed, SubscriptionService } from '../../subscription.exports.js';
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
  subscribe(principal: Principal, origin: RequestOrigin, request: SubscribeCommandsDto): Promise<Subscribed> {
    const { returnUpdatedCommands, ...wanted } = request;
    const event = returnUpdatedCommands ? 'command_update' : 'command';
    return this.subscriptions.subscribe(
      principal,
      origin,
      { kind: 'command', returnUpdatedCommands: returnUpdatedCommands === true, ...wanted },
      () => this.commands.since(principal, request),
      (command) => printEvent(event, command, command.command, eventPayload(event, command)),
    );
  }

  unsubscribe(origin: RequestOrigin, subscriptionId?: number | null): void {
    this.subscriptions.unsubscribe(origin, 'command', subscriptionId);
  }
}
