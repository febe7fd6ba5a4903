import { Injectable } from '@nestjs/common';
import type { Client } from 'aedes';
import type { AedesClient } from './aedes-client.js';
import { Connection } from './connection.js';

/** The connections that are open now. */
@Injectable()
export class Connections implements Iterable<Connection> {
  private readonly byId = new Map<string, Connection>();
  private readonly byClient = new WeakMap<Client, Connection>();

  /** @param address the peer's IP address; the link of the service has none */
  open(client: Client, address: string): Connection {
    const connection = new Connection(client as AedesClient, address);
    this.byId.set(connection.id, connection);
    this.byClient.set(client, connection);
    return connection;
  }

  close(connection: Connection): void {
    this.byId.delete(connection.id);
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
