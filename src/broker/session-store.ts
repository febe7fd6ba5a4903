import type { Aedes, Client } from 'aedes';
import type { Connections } from './connections.js';

interface StoredSubscription {
  topic: string;
}

interface RetainedPacket {
  topic: string;
  payload: { length: number };
}

/** The methods of Aedes's persistence that need a bound here; pinned by `aedes-contract.spec.ts`. */
interface Persistence {
  addSubscriptions(client: Client, subscriptions: StoredSubscription[]): Promise<void>;
  cleanSubscriptions(client: Client): Promise<void>;
  outgoingClearMessageId(client: Client, packet: object): Promise<object | undefined>;
  outgoingUpdate(client: Client, packet: object): Promise<void>;
  storeRetained(packet: RetainedPacket): Promise<void>;
}

/** Beyond what MQTT has: marks a packet that is about to go. */
const NO_MESSAGE_ID = -1;
const MAX_RETAINED = 1_000;
const MAX_RETAINED_BYTES = 65_536;

/** Aedes's sessions in memory, with bounds on what one client can make it keep. */
export class SessionStore {
  private readonly persistence: Persistence;
  private readonly retained = new Set<string>();

  /** @param broker must be listening: only then it has its persistence */
  constructor(
    broker: Aedes,
    private readonly connections: Connections,
  ) {
    this.persistence = (broker as Aedes & { persistence: Persistence }).persistence;
    this.storeGrantedFiltersOnce();
    this.takeTheRightOneFromTheQueue();
    this.boundRetained();
  }

  /** Drops the session of a client that never authenticated, unless it was there before the client came. */
  forget(client: Client): void {
    void this.persistence.cleanSubscriptions(client);
  }

  /** Aedes stores all filters of a SUBSCRIBE, the refused too, once for each that is granted. */
  private storeGrantedFiltersOnce(): void {
    const add = this.persistence.addSubscriptions.bind(this.persistence);
    const stored = new WeakMap<object, Promise<void>>();
    this.persistence.addSubscriptions = (client, subscriptions) => {
      let done = stored.get(subscriptions);
      if (!done) {
        const { filters } = this.connections.of(client);
        // A microtask later every filter of the packet has been decided on.
        done = Promise.resolve().then(() =>
          add(
            client,
            subscriptions.filter(({ topic }) => filters.has(topic)),
          ),
        );
        stored.set(subscriptions, done);
      }
      return done;
    };
  }

  /**
   * For a client with `clean=true` Aedes would add an entry that is never removed, for each PUBACK.
   *
   * An event that is not forwarded has no message id yet, and Aedes would take the first one without from the queue:
   * another event, which then fails to be sent and costs the client its connection.
   */
  private takeTheRightOneFromTheQueue(): void {
    const clear = this.persistence.outgoingClearMessageId.bind(this.persistence);
    this.persistence.outgoingClearMessageId = async (client, packet: { messageId?: number }) => {
      if (client.clean) return undefined;
      if (packet.messageId !== undefined) return clear(client, packet);
      const marked = { ...packet, messageId: NO_MESSAGE_ID };
      await this.persistence.outgoingUpdate(client, marked);
      return clear(client, marked);
    };
  }

  private boundRetained(): void {
    const store = this.persistence.storeRetained.bind(this.persistence);
    this.persistence.storeRetained = async (packet) => {
      const { topic, payload } = packet;
      const isNew = !this.retained.has(topic);
      if (payload.length > MAX_RETAINED_BYTES || (isNew && this.retained.size >= MAX_RETAINED)) return;
      if (payload.length === 0) this.retained.delete(topic);
      else this.retained.add(topic);
      await store(packet);
    };
  }
}
