import type { Duplex } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { BrokerOptions } from './broker.options.js';
import { PacketReader } from './packet-reader.js';
import { ReadTurns } from './read-turns.js';
import { UnfinishedPackets } from './unfinished-packets.js';

/** The packet reader of each connection. */
@Injectable()
export class PacketReaders {
  private readonly turns = new ReadTurns();
  private readonly unfinished = new UnfinishedPackets();
  private readonly readers = new WeakMap<Duplex, PacketReader>();

  constructor(private readonly options: BrokerOptions) {}

  /** Call it before Aedes gets the connection. */
  attach(connection: Duplex): void {
    this.readers.set(
      connection,
      new PacketReader(connection, this.options.maxRequestBytes * 4, this.turns, this.unfinished),
    );
  }

  /** A message is copied to one more client. */
  forwarded(): void {
    this.turns.takeCopy();
  }

  of(connection: Duplex): PacketReader {
    return this.readers.get(connection)!;
  }
}
