import { Readable } from 'node:stream';
import { Logger } from '@nestjs/common';
import type { Aedes, Client } from 'aedes';
import { isDeviceHiveTopic } from '../protocol/topics.js';
import type { Connections } from './connections.js';
import { FIRST_EVENT_ID } from './events/session-queue.js';
import type { StoredSession } from './events/stored-session.js';
import type { StoredSessions } from './events/stored-sessions.js';

interface Subscription {
  topic: string;
  qos: number;
}

interface RetainedPacket {
  topic: string;
  payload: { length: number };
}

/** The methods of Aedes's persistence that are changed here; pinned by `aedes-contract.spec.ts`. */
interface Persistence {
  addSubscriptions(client: { id: string }, subscriptions: Subscription[]): Promise<void>;
  subscriptionsByClient(client: { id: string }): Promise<Subscription[]>;
  removeSubscriptions(client: { id: string }, filters: string[]): Promise<void>;
  cleanSubscriptions(client: { id: string }): Promise<void>;
  outgoingClearMessageId(client: Client, packet: object): Promise<object | undefined>;
  outgoingUpdate(client: Client, packet: object): Promise<void>;
  outgoingStream(client: Client): Readable;
  storeRetained(packet: RetainedPacket): Promise<void>;
}

/**
 * What Aedes gets in place of a promise: it goes on within the call. During the wait for a promise a SUBSCRIBE or
 * UNSUBSCRIBE would be passed by the next one.
 */
// oxlint-disable-next-line unicorn/no-thenable
const DONE = { then: (proceed: () => void) => proceed() } as Promise<void>;
/** In a SUBACK: refused. */
const REFUSED = 128;
/** Beyond what MQTT has: marks a packet that is about to go. */
const NO_MESSAGE_ID = -1;
const MAX_RETAINED = 1_000;
const MAX_RETAINED_BYTES = 65_536;

/**
 * Aedes's store in memory, as far as it is used: for ordinary topics. Which filters a client has is in the stored
 * sessions, and what one client can make it keep is bounded.
 */
export class AedesPersistence {
  private readonly logger = new Logger('Broker');
  private readonly persistence: Persistence;
  private readonly retained = new Set<string>();
  private readonly add: Persistence['addSubscriptions'];

  /** @param broker must be listening: only then it has its persistence */
  constructor(
    broker: Aedes,
    private readonly connections: Connections,
    private readonly sessions: StoredSessions,
  ) {
    this.persistence = (broker as Aedes & { persistence: Persistence }).persistence;
    this.add = this.persistence.addSubscriptions.bind(this.persistence);
    this.restoreFromSessions(broker);
    this.takeAcknowledgements();
    this.boundRetained();
  }

  /** Drops what Aedes keeps of a client that has no session to come back to. */
  forget(client: Client): void {
    this.inBackground(this.persistence.cleanSubscriptions(client));
  }

  /** So that messages on ordinary topics are kept for clients that were away when the service was started. */
  async restore(session: StoredSession): Promise<void> {
    await this.add({ id: session.clientId }, ordinary(session.filters));
  }

  /**
   * The filters of a session are changed by its owner alone, whoever is connected under the client id. Aedes would store
   * all filters of a SUBSCRIBE, the refused too, once for each that is granted.
   */
  private restoreFromSessions(broker: Aedes): void {
    const [remove, clean] = [
      this.persistence.removeSubscriptions.bind(this.persistence),
      this.persistence.cleanSubscriptions.bind(this.persistence),
    ];
    this.persistence.addSubscriptions = () => DONE;
    broker.on('subscribe', (subscriptions, client) => {
      const granted = subscriptions.filter(({ qos }) => (qos as number) !== REFUSED);
      if (!client.clean && this.mayChange(client))
        this.inBackground(this.add(client, ordinary(granted.map(({ topic, qos }) => [topic, qos]))));
    });
    this.persistence.removeSubscriptions = (client, filters) => {
      if (this.mayChange(client)) this.inBackground(remove(client, filters));
      return DONE;
    };
    this.persistence.cleanSubscriptions = async (client) => {
      if (!this.sessions.of(client.id)) await clean(client);
    };
    this.persistence.subscriptionsByClient = async ({ id }) =>
      [...(this.sessions.of(id)?.filters ?? [])].map(([topic, qos]) => ({ topic, qos }));
    const waiting = this.persistence.outgoingStream.bind(this.persistence);
    this.persistence.outgoingStream = (client) =>
      this.mayChange(client) ? waiting(client) : Readable.from([]);
    this.sessions.onChanged = (id, session) => {
      this.inBackground(clean({ id }));
      if (session) this.inBackground(this.add({ id }, ordinary(session.filters)));
      const connection = this.connections.get(session?.connectionId ?? '');
      // Aedes hands out what waits right after CONNACK, and never later.
      if (connection?.client.connected)
        this.inBackground(this.forgetWaiting(connection.client, waiting(connection.client)));
    };
  }

  private inBackground(work: Promise<void>): void {
    work.catch((error) => this.logger.error('Aedes cannot change what it keeps', error));
  }

  private async forgetWaiting(client: Client, waiting: Readable): Promise<void> {
    try {
      for await (const packet of waiting)
        await this.persistence.outgoingClearMessageId(client, packet as object);
    } catch {
      // One that was acknowledged meanwhile.
    }
  }

  private mayChange(client: { id: string }): boolean {
    const session = this.sessions.of(client.id);
    return !session || !('conn' in client) || this.connections.of(client as Client).session === session;
  }

  /**
   * Those of events are the session's. For a client with `clean=true` Aedes would add an entry that is never removed,
   * for each PUBACK.
   *
   * An event that is not forwarded has no message id yet, and Aedes would take the first one without from the queue:
   * another event, which then fails to be sent and costs the client its connection.
   */
  private takeAcknowledgements(): void {
    const clear = this.persistence.outgoingClearMessageId.bind(this.persistence);
    this.persistence.outgoingClearMessageId = async (client, packet: { messageId?: number }) => {
      if (client.clean) return undefined;
      const { messageId } = packet;
      if (messageId !== undefined && messageId >= FIRST_EVENT_ID) {
        this.connections.of(client).session?.acknowledge(messageId);
        return undefined;
      }
      if (messageId !== undefined) return clear(client, packet);
      const marked = { ...packet, messageId: NO_MESSAGE_ID };
      await this.persistence.outgoingUpdate(client, marked);
      return clear(client, marked);
    };
  }

  private boundRetained(): void {
    const store = this.persistence.storeRetained.bind(this.persistence);
    this.persistence.storeRetained = async (packet) => {
      const { topic, payload } = packet;
      // One that is too large replaces the one before all the same, which is out of date.
      const isKept = payload.length > 0 && payload.length <= MAX_RETAINED_BYTES;
      if (isKept && !this.retained.has(topic) && this.retained.size >= MAX_RETAINED) return;
      if (isKept) this.retained.add(topic);
      else this.retained.delete(topic);
      await store(isKept ? packet : { ...packet, payload: Buffer.alloc(0) });
    };
  }
}

function ordinary(filters: Iterable<[filter: string, qos: number]>): Subscription[] {
  return [...filters].filter(([topic]) => !isDeviceHiveTopic(topic)).map(([topic, qos]) => ({ topic, qos }));
}
