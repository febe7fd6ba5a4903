import { Readable } from 'node:stream';
import { Logger } from '@nestjs/common';
import type { Aedes, Client } from 'aedes';
import { isDeviceHiveTopic } from '../protocol/topics.js';
import type { Connections } from './connections.js';
import { FIRST_EVENT_ID } from './events/session-queue.js';
import type { StoredSession } from './events/stored-session.js';
import type { StoredSessions } from './events/stored-sessions.js';
import { type RetainedMessage, RetainedMessages } from './retained-messages.js';
import { WaitingMessages } from './waiting-messages.js';

interface Subscription {
  topic: string;
  qos: number;
}

interface StoredPacket extends RetainedMessage {
  cmd: string;
  messageId?: number;
}

/** The methods of Aedes's persistence that are changed here; pinned by `aedes-contract.spec.ts`. */
interface Persistence {
  addSubscriptions(client: { id: string }, subscriptions: Subscription[]): Promise<void>;
  subscriptionsByClient(client: { id: string }): Promise<Subscription[]>;
  removeSubscriptions(client: { id: string }, filters: string[]): Promise<void>;
  cleanSubscriptions(client: { id: string }): Promise<void>;
  outgoingEnqueue(subscription: { clientId: string }, packet: StoredPacket): Promise<void>;
  outgoingEnqueueCombi(subscriptions: { clientId: string }[], packet: StoredPacket): Promise<void>;
  outgoingClearMessageId(client: Client, packet: StoredPacket): Promise<object | undefined>;
  outgoingUpdate(client: Client, packet: StoredPacket): Promise<void>;
  outgoingStream(client: Client): Readable;
  incomingStorePacket(client: Client, packet: StoredPacket): Promise<void>;
  incomingGetPacket(client: Client, packet: StoredPacket): Promise<object>;
  incomingDelPacket(client: Client, packet: StoredPacket): Promise<void>;
  cleanIncoming(client: Client): Promise<void>;
  storeRetained(packet: StoredPacket): Promise<void>;
  createRetainedStreamCombi(filters: string[]): Readable;
}

/**
 * What Aedes gets in place of a promise: it goes on within the call. During the wait for a promise a SUBSCRIBE or
 * UNSUBSCRIBE would be passed by the next one.
 */
// oxlint-disable-next-line unicorn/no-thenable
const DONE = { then: (proceed: () => void) => proceed() } as Promise<void>;
/** In a SUBACK: refused. */
const REFUSED = 128;

/**
 * Aedes's store in memory, as far as it is used: for ordinary topics. Which filters a client has is in the stored
 * sessions. Messages are kept here, within bounds: Aedes keeps whatever a client sends.
 */
export class AedesPersistence {
  private readonly logger = new Logger('Broker');
  private readonly persistence: Persistence;
  private readonly retained = new RetainedMessages<StoredPacket>();
  private readonly waiting = new WaitingMessages();
  /** by client id: message ids at QoS 2 whose PUBREL has not come; Aedes would keep the messages, for ever */
  private readonly received = new Map<string, Set<number>>();
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
    this.boundWaiting();
    this.boundReceived();
    this.boundRetained();
  }

  /** Drops what Aedes keeps of a client that has no session to come back to. */
  forget(client: Client): void {
    this.inBackground(this.persistence.cleanSubscriptions(client));
    if (this.sessions.of(client.id)) return;
    this.waiting.clear(client.id);
    this.received.delete(client.id);
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
    this.persistence.outgoingStream = (client) =>
      this.mayChange(client) ? this.waiting.of(client.id) : Readable.from([]);
    this.sessions.onChanged = (id, session) => {
      this.inBackground(clean({ id }));
      if (session) this.inBackground(this.add({ id }, ordinary(session.filters)));
      else this.received.delete(id);
      const connection = this.connections.get(session?.connectionId ?? '');
      // Aedes hands out what waits right after CONNACK, and never later.
      if (!session || connection?.client.connected) this.waiting.clear(id);
    };
  }

  private inBackground(work: Promise<void>): void {
    work.catch((error) => this.logger.error('Aedes cannot change what it keeps', error));
  }

  private mayChange(client: { id: string }): boolean {
    const session = this.sessions.of(client.id);
    return !session || !('conn' in client) || this.connections.of(client as Client).session === session;
  }

  /** Those of events are the session's. */
  private takeAcknowledgements(): void {
    this.persistence.outgoingClearMessageId = async (client, packet) => {
      if (client.clean) return undefined;
      const { messageId = 0 } = packet;
      if (messageId < FIRST_EVENT_ID) return this.waiting.remove(client.id, packet);
      this.connections.of(client).session?.acknowledge(messageId);
      return undefined;
    };
  }

  private boundWaiting(): void {
    const add = async (clientIds: string[], packet: StoredPacket) => {
      for (const clientId of clientIds) this.waiting.add(clientId, { ...packet, messageId: undefined });
    };
    this.persistence.outgoingEnqueue = ({ clientId }, packet) => add([clientId], packet);
    this.persistence.outgoingEnqueueCombi = (subscriptions, packet) =>
      add(
        subscriptions.map(({ clientId }) => clientId),
        packet,
      );
    this.persistence.outgoingUpdate = async ({ id }, packet) => this.waiting.update(id, packet);
  }

  /**
   * A message is passed on when it comes; its id is kept until PUBREL to know it again [MQTT-4.3.3-2], and from the first
   * question on: Aedes asks for all messages of a read before it stores one.
   */
  private boundReceived(): void {
    this.persistence.incomingStorePacket = () => DONE;
    this.persistence.incomingGetPacket = async ({ id }, packet) => {
      const { cmd, messageId } = packet;
      const received = this.received.get(id) ?? new Set();
      if (received.has(messageId!)) return packet;
      if (cmd === 'publish') this.received.set(id, received.add(messageId!));
      throw new Error('no such message');
    };
    this.persistence.incomingDelPacket = async ({ id }, { messageId }) => {
      this.received.get(id)?.delete(messageId!);
    };
    this.persistence.cleanIncoming = async ({ id }) => void this.received.delete(id);
  }

  private boundRetained(): void {
    this.persistence.storeRetained = async (packet) => this.retained.store(packet);
    const matching = async function* (this: AedesPersistence, filters: string[]) {
      yield* await this.retained.matching(filters);
    };
    this.persistence.createRetainedStreamCombi = (filters) => Readable.from(matching.call(this, filters));
  }
}

function ordinary(filters: Iterable<[filter: string, qos: number]>): Subscription[] {
  return [...filters].filter(([topic]) => !isDeviceHiveTopic(topic)).map(([topic, qos]) => ({ topic, qos }));
}
