import { Injectable } from '@nestjs/common';
import type { Client } from 'aedes';
import { EventIndex, FilterSet, NOBODY } from '../subscriptions/event-index.js';
import { CONNECTION_LIMITS, FilterBudget } from '../subscriptions/filter-budget.js';
import { EventSubscriptions } from '../subscriptions/event-subscriptions.js';
import type { AedesClient } from './aedes-client.js';
import { Connection } from './connection.js';
import { LiveReceiver } from './events/live-receiver.js';
import { PacketReaders } from './packet-readers.js';
import { Reading } from './reading.js';
import { TopicAccess } from './topic-access.js';

/** The connections that are open now. */
@Injectable()
export class Connections implements Iterable<Connection> {
  private readonly byId = new Map<string, Connection>();
  private readonly byClient = new WeakMap<Client, Connection>();

  constructor(
    private readonly index: EventIndex,
    private readonly subscriptions: EventSubscriptions,
    private readonly access: TopicAccess,
    private readonly reading: Reading,
    private readonly readers: PacketReaders,
  ) {}

  /** @param address the peer's IP address; the link of the service has none */
  open(client: Client, clientId: string, address: string): Connection {
    const budget = new FilterBudget(CONNECTION_LIMITS);
    const filters = new FilterSet(this.index, NOBODY, clientId && `@${clientId}`, budget);
    const connection = new Connection(
      client as AedesClient,
      this.readers.of(client.conn),
      address,
      filters,
      this.subscriptions,
      this.reading,
    );
    filters.receiver = new LiveReceiver(connection, this.access);
    this.byId.set(connection.id, connection);
    this.byClient.set(client, connection);
    return connection;
  }

  close(connection: Connection): void {
    this.byId.delete(connection.id);
    this.reading.forget(connection);
    this.subscriptions.closeAll(connection.id);
    if (connection.session) connection.session.detach(connection);
    else connection.filters.clear();
  }

  of(client: Client): Connection {
    return this.byClient.get(client)!;
  }

  get(connectionId: string): Connection | undefined {
    return this.byId.get(connectionId);
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.byId.values();
  }
}
