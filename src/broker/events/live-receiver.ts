import type { DeviceEvent } from '../../protocol/device-event.js';
import type { EventReceiver } from '../../subscriptions/event-index.js';
import type { Connection } from '../connection.js';
import type { TopicAccess } from '../topic-access.js';

/** A client whose events are written as they come, and lost while it is away. */
export class LiveReceiver implements EventReceiver {
  constructor(
    private readonly connection: Connection,
    private readonly access: TopicAccess,
  ) {}

  get connectionId(): string {
    return this.connection.id;
  }

  receive({ topic, payload }: DeviceEvent, qos: number, suffix: string): boolean {
    const { connection } = this;
    const principal = connection.isOpen && this.access.principalOf(connection);
    if (!principal || !this.access.mayWatch(principal, topic)) return false;
    connection.outbox.publish({ topic: topic + suffix, payload, qos: Math.min(qos, 1) });
    return true;
  }
}
