import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Aedes, type Client, type PublishPacket } from 'aedes';
import { RefusalLog } from '../logging/refusal-log.js';
import { listenError } from '../protocol/listen-error.js';
import { shown } from '../protocol/shown.js';
import { isIllFormed, isTopicFilter, isTopicName } from '../protocol/topics.js';
import type { AedesClient } from './aedes-client.js';
import { AedesPersistence } from './aedes-persistence.js';
import { BrokerOptions } from './broker.options.js';
import { Connections } from './connections.js';
import { contain } from './contain.js';
import { Disconnection } from './disconnection.js';
import { StoredSessions } from './events/stored-sessions.js';
import { Handshake } from './handshake.js';
import { PacketReaders } from './packet-readers.js';
import { ServiceTraffic } from './service-traffic.js';
import { unhurriedEmitter } from './unhurried-emitter.js';
import { drop, TopicAccess } from './topic-access.js';

/** Keep-alive finds the dead connections of clients that ask for no MQTT keep-alive, or wait for their CONNACK. */
const TCP = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };
const CONNECT_MS = 10_000;
const KEEP_ALIVE_MS = 500;
/** For what is written at shutdown to leave. */
const FLUSH_MS = 500;

/** The MQTT 3.1.1 broker in the process (Aedes), with DeviceHive's rules about who may do what. */
@Injectable()
export class BuiltInBroker implements BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger('Broker');
  private readonly server = createServer(TCP, (socket) => this.accept(socket));
  private readonly aedes = new Aedes({
    mq: unhurriedEmitter(),
    maxClientsIdLength: 128,
    connectTimeout: CONNECT_MS,
    preConnect: (client, packet, done) => {
      const isWelcome = this.handshake.begin(client, packet) && !this.isStopping;
      done(isWelcome ? null : new Error('CONNECT is not served'), isWelcome);
    },
    authenticate: (client, login, password, done) => {
      this.handshake
        .authenticate(client, login, password)
        .then(
          () => done(null, true),
          (error) => done(error, false),
        )
        .catch((error) => {
          this.logger.error(`client ${shown(client.id)} cannot be let in`, error);
          client.conn.destroy();
        });
    },
    authorizePublish: (client, packet, done) => this.authorizePublish(client, packet, done),
    authorizeSubscribe: (client, subscription, done) => {
      const { topic, qos } = subscription;
      const connection = this.connections.of(client);
      const isRestored = !connection.isOpen;
      const isGranted =
        isTopicFilter(topic) &&
        this.access.maySubscribe(connection, topic, isRestored) &&
        connection.addFilter(topic, qos, isRestored);
      done(null, isGranted ? subscription : null);
    },
    authorizeForward: (client, packet) => {
      const connection = this.connections.of(client);
      this.readers.forwarded();
      return this.access.mayReceive(connection, packet.topic) && connection.outbox.canWrite() ? packet : null;
    },
  });
  private keepAlive?: NodeJS.Timeout;
  private isOpen = false;
  private isStopping = false;

  constructor(
    private readonly options: BrokerOptions,
    private readonly connections: Connections,
    private readonly readers: PacketReaders,
    private readonly handshake: Handshake,
    private readonly access: TopicAccess,
    private readonly traffic: ServiceTraffic,
    private readonly sessions: StoredSessions,
    private readonly refusals: RefusalLog,
  ) {}

  /** Brings back the sessions that are stored. Until `listen` nobody is let in. */
  async open(): Promise<void> {
    this.isOpen = true;
    await this.aedes.listen();
    const persistence = new AedesPersistence(this.aedes, this.connections, this.sessions);
    await this.sessions.open();
    for (const session of this.sessions) await persistence.restore(session);
    this.aedes.on('connackSent', ({ returnCode }, client) => {
      const connection = this.connections.of(client);
      // The connection may be gone by now, and nothing would let go of what it took then.
      connection.isOpen = returnCode === 0 && this.connections.get(connection.id) !== undefined;
      if (!connection.isOpen) return;
      this.sessions.claim(connection);
      connection.reader.open();
    });
    this.aedes.on('unsubscribe', (filters, client) => {
      if (!client.closed) for (const filter of filters) this.connections.of(client).removeFilter(filter);
    });
    this.aedes.on('clientDisconnect', (client) => persistence.forget(client));
    this.aedes.on('clientError', (client, error) => {
      const line = () => `client ${shown(client.id)} ${error.message}: disconnected`;
      if (error instanceof Disconnection) this.refusals.refused(client.id, line);
      else this.logger.debug(`client ${shown(client.id)}: ${error.message}`);
    });
    this.aedes.on('connectionError', (_client, error) => this.logger.debug(`a connection: ${error.message}`));
    this.keepAlive = setInterval(() => {
      for (const connection of this.connections) connection.keepAlive();
    }, KEEP_ALIVE_MS);
  }

  /**
   * Lets clients in. Call it when the service is subscribed: before, their requests would reach nobody.
   * @returns where, e.g. `mqtt://127.0.0.1:1883`
   * @throws where the port is taken, unless nobody asked for it and another may be used
   */
  async listen(): Promise<string> {
    const { host, port, mayChangePort } = this.options;
    try {
      await once(this.server.listen(port, host), 'listening');
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || !mayChangePort) throw listenError(error, { host, port }, 'MQTT');
      this.logger.warn(`Port ${port} is taken, using a free one; set MQTT_PORT to choose`);
      await once(this.server.listen(0, host), 'listening');
    }
    const { address, port: taken } = this.server.address() as AddressInfo;
    return `mqtt://${address.includes(':') ? `[${address}]` : address}:${taken}`;
  }

  /** No new work: nobody is let in and nothing more is read, while the transport answers what it has. */
  beforeApplicationShutdown(): void {
    this.isStopping = true;
    this.server.close();
    for (const connection of this.connections) connection.stopReading();
  }

  async onApplicationShutdown(): Promise<void> {
    if (!this.isOpen) return;
    clearInterval(this.keepAlive);
    const closed = [...this.connections].map(({ client }) => {
      client.conn.end();
      return once(client.conn, 'close').catch(() => undefined);
    });
    await Promise.race([Promise.all(closed), delay(FLUSH_MS, undefined, { ref: false })]);
    await new Promise<void>((resolve) => this.aedes.close(resolve));
    await this.sessions.close();
  }

  private accept(socket: Socket): void {
    this.readers.attach(socket);
    const client = this.aedes.handle(socket) as AedesClient;
    contain(client, (error) => {
      const id = client.id ?? '';
      this.refusals.failed(id, () => `client ${shown(id)}: a packet cannot be handled, disconnected`, error);
      socket.destroy();
    });
  }

  /**
   * A topic that MQTT forbids ends the connection, as an error does in Aedes. A topic that is only not allowed does not:
   * the packet goes where nobody listens.
   */
  private authorizePublish(
    client: Client | null,
    packet: PublishPacket,
    done: (error?: Error | null) => void,
  ): void {
    // A will that outlived its process has no client.
    if (!client?.id) {
      drop(packet);
      return done(null);
    }
    const connection = this.connections.of(client);
    if (isIllFormed(packet.topic)) {
      return done(new Disconnection(`publishes to ${shown(packet.topic)}, which MQTT forbids`));
    }
    if (this.access.isRequest(packet.topic)) {
      if (connection.isRepeat(packet)) dropUnacknowledged(packet);
      else this.traffic.request(connection, packet);
    } else if (!isTopicName(packet.topic) || !this.access.mayPublish(connection, packet.topic)) {
      const { topic, qos, messageId } = packet;
      this.refusals.refused(
        client.id,
        () => `client ${shown(client.id)} may not publish to ${shown(topic)}: dropped`,
      );
      dropUnacknowledged(packet);
      if (qos > 0) connection.outbox.acknowledge(qos, messageId!);
    }
    done(null);
  }
}

/** Aedes neither keeps it nor acknowledges it. */
function dropUnacknowledged(packet: PublishPacket): void {
  drop(packet);
  packet.qos = 0;
  delete packet.messageId;
}
