import { formatTimestamp } from '../../src/protocol/timestamps.js';
import type { TestClient } from './client.js';

const MARGIN_MS = 60_000;

/** What a client does that misses nothing, as docs/devices.md tells it, for one kind of events of one device. */
export class CatchingUp {
  /** the ids that were carried out */
  readonly known = new Set<number>();
  /** that of the subscription that has replayed all that is stored */
  private current?: number;
  private lastTimestamp?: string;

  constructor(
    private readonly kind: 'command' | 'notification',
    private readonly deviceId: string,
  ) {}

  /** For each connection, after `authenticate`. */
  async start(client: TestClient): Promise<void> {
    this.current = undefined;
    this.lastTimestamp ??= (await client.request('server/info')).info.serverTimestamp as string;
    let from: object = { timestamp: this.shifted(-MARGIN_MS) };
    for (;;) {
      const reply = await client.request(`${this.kind}/subscribe`, { deviceId: this.deviceId, ...from });
      if (!reply.hasMore) return;
      from = { timestamp: reply.timestamp, afterId: reply.afterId };
    }
  }

  /** Gets each message of the connection, in order. */
  receive(message: Record<string, any>): void {
    if (message.action === `${this.kind}/subscribe` && message.status === 'success') {
      this.current = message.hasMore ? undefined : message.subscriptionId;
    }
    const event = message.status === undefined && message[this.kind];
    if (!event) return;
    this.known.add(event.id);
    if (message.subscriptionId === this.current) this.lastTimestamp = event.timestamp;
  }

  /** Time passes, for what is stored as well. */
  age(ms: number): void {
    if (this.lastTimestamp) this.lastTimestamp = this.shifted(-ms);
  }

  private shifted(ms: number): string {
    return formatTimestamp(new Date(Date.parse(`${this.lastTimestamp}Z`) + ms));
  }
}
