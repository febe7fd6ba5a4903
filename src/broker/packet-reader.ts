import type { Duplex } from 'node:stream';
import { Disconnection } from './disconnection.js';
import { filtersOf } from './packet-filters.js';
import type { ReadTurns, Share, TurnTaker } from './read-turns.js';
import type { Unfinished, UnfinishedPackets } from './unfinished-packets.js';

/** Type and flags, then up to four bytes of remaining length (MQTT 3.1.1 section 2.2). */
const MAX_HEADER_BYTES = 5;
/** Client id, login, password and will need far less. */
const MAX_CONNECT_BYTES = 100_000;
/** The first byte of CONNECT, with which a connection begins [MQTT-3.1.0-1]. */
const CONNECT = 0x10;
/** Packets in one read: their copies to other clients count before the next read. */
const PACKETS_AT_ONCE = 8;
const NO_BYTES = Buffer.alloc(0);

/**
 * Decides what the broker reads of one connection: whole packets, and of these CONNECT alone until its CONNACK is sent.
 * What a client sends behind CONNECT waits in the socket. Otherwise Aedes handles a packet that comes in a second read
 * while the client has no id and no identity yet. In each turn of the event loop it reads a bounded number of packets.
 *
 * Aedes gets all its bytes by `connection.read()`, so this method of the connection is replaced.
 */
export class PacketReader implements TurnTaker, Unfinished {
  private next: 'connect' | 'nothing' | 'packets' = 'connect';
  private isPaused = false;
  /** an incomplete fixed header */
  private header?: Buffer;
  /** an incomplete packet; `bytes` grows with what has arrived, up to `size` */
  private packet?: { size: number; filled: number; bytes: Buffer };
  private readonly readSocket: () => Buffer | null;
  private readonly share: Share;

  /** @param maxBytes a packet with a larger remaining length ends the connection before its body is buffered */
  constructor(
    private readonly connection: Duplex,
    private readonly maxBytes: number,
    private readonly turns: ReadTurns,
    private readonly unfinished: UnfinishedPackets,
  ) {
    connection.once('close', () => unfinished.release(this));
    this.share = turns.share();
    const read = connection.read.bind(connection);
    this.readSocket = () => read() as Buffer | null;
    // Streams call read(0) themselves to start reading.
    connection.read = (size?: number) => (size === 0 ? (read(0) as null) : this.read());
  }

  /** Called when CONNACK is sent: reads what comes behind CONNECT. */
  open(): void {
    this.unfinished.release(this);
    this.next = 'packets';
    // At shutdown it may be paused for good.
    this.readOn();
  }

  /** Reads nothing more until `resume` is called; the client's data waits in the socket. */
  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.readOn();
  }

  readOn(): void {
    this.connection.emit('readable');
  }

  private read(): Buffer | null {
    // Aedes asks once more after the end of a connection, whose buffer still has bytes: nobody would ever release them.
    if (this.connection.destroyed || this.isPaused || this.next === 'nothing') return null;
    if (!this.turns.mayTake(this.share)) {
      this.turns.wait(this, this.share);
      return null;
    }
    // What it has read may end the connection, with more behind it.
    while (!this.connection.destroyed) {
      const chunk = this.readSocket();
      if (!chunk) return null;
      const packets = this.packet ? this.complete(this.packet, chunk) : this.cut(this.withHeader(chunk));
      if (!packets) continue;
      if (this.next === 'packets') return packets;
      this.next = 'nothing';
      // Its login may wait for its turn.
      this.unfinished.hold(this, packets.length);
      return this.connection.destroyed ? null : packets;
    }
    return null;
  }

  private withHeader(chunk: Buffer): Buffer {
    const data = this.header ? Buffer.concat([this.header, chunk]) : chunk;
    this.header = undefined;
    return data;
  }

  /** @returns the whole packets at the beginning of `data`; the rest is given back to the socket or kept */
  private cut(data: Buffer): Buffer | undefined {
    if (this.next === 'connect' && data[0] !== CONNECT) return this.giveUp('begins with no CONNECT');
    let [end, packets] = [0, 0];
    do {
      const header = headerAt(data, end);
      if (!header) break;
      const isWhole = end + header.size <= data.length;
      const filters = isWhole ? filtersOf(data.subarray(end, end + header.size)) : undefined;
      const fault = this.faultOf(header) ?? filters?.fault;
      // The packets before it are handled first.
      if (fault && end === 0) return this.giveUp(fault);
      if (fault || !filters) break;
      end += header.size;
      packets++;
      this.turns.take(this.share, header.size, filters.count);
    } while (end < data.length && packets < this.atOnce && this.turns.mayTake(this.share));
    if (end === 0) return this.keep(data);
    // The socket does not emit 'end' before this was read, too.
    if (end < data.length) this.connection.unshift(data.subarray(end));
    return data.subarray(0, end);
  }

  private get atOnce(): number {
    return this.next === 'connect' ? 1 : PACKETS_AT_ONCE;
  }

  private faultOf({ length }: Header): string | undefined {
    const maxBytes = this.next === 'connect' ? MAX_CONNECT_BYTES : this.maxBytes;
    if (length > maxBytes) return `sends a packet of ${length} bytes, over the limit of ${maxBytes}`;
  }

  /** Copies it: a view of a few bytes would keep all of the memory that they have arrived in. */
  private keep(data: Buffer): Buffer | undefined {
    const header = headerAt(data, 0);
    if (header) return this.complete((this.packet = { size: header.size, filled: 0, bytes: NO_BYTES }), data);
    this.header = Buffer.allocUnsafeSlow(data.length);
    data.copy(this.header);
  }

  private complete(packet: NonNullable<PacketReader['packet']>, chunk: Buffer): Buffer | undefined {
    const filled = Math.min(packet.filled + chunk.length, packet.size);
    // Twice as much each time: a packet that comes byte by byte neither costs a buffer for each nor a copy for each.
    if (filled > packet.bytes.length) {
      const bytes = Buffer.allocUnsafeSlow(Math.min(packet.size, filled * 2));
      packet.bytes.copy(bytes, 0, 0, packet.filled);
      packet.bytes = bytes;
    }
    const taken = filled - packet.filled;
    chunk.copy(packet.bytes, packet.filled, 0, taken);
    packet.filled = filled;
    if (taken < chunk.length) this.connection.unshift(chunk.subarray(taken));
    if (filled < packet.size) {
      this.unfinished.hold(this, packet.bytes.length);
      return undefined;
    }
    this.packet = undefined;
    this.unfinished.release(this);
    const filters = filtersOf(packet.bytes);
    if (filters.fault) return this.giveUp(filters.fault);
    this.turns.take(this.share, packet.size, filters.count);
    return packet.bytes;
  }

  giveUp(reason: string): undefined {
    this.packet = undefined;
    this.connection.destroy(new Disconnection(reason));
  }
}

interface Header {
  /** remaining length */
  length: number;
  /** bytes of the whole packet */
  size: number;
}

/** @returns the fixed header at `at`; `undefined` if it is incomplete, of infinite length if it is malformed */
function headerAt(data: Buffer, at: number): Header | undefined {
  let length = 0;
  for (let i = 1; i < MAX_HEADER_BYTES; i++) {
    const byte = data[at + i];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) << (7 * (i - 1));
    if (byte < 0x80) return { length, size: 1 + i + length };
  }
  return { length: Infinity, size: Infinity };
}
