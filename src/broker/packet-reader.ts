import type { Duplex } from 'node:stream';
import type { ReadTurns, Share, TurnTaker } from './read-turns.js';
import type { Unfinished, UnfinishedPackets } from './unfinished-packets.js';

/** Type and flags, then up to four bytes of remaining length (MQTT 3.1.1 section 2.2). */
const MAX_HEADER_BYTES = 5;
/** Client id, login, password and will need far less. */
const MAX_CONNECT_BYTES = 100_000;
/** First bytes of packets; a connection begins with CONNECT [MQTT-3.1.0-1]. */
const CONNECT = 0x10;
const SUBSCRIBE = 0x82;
const UNSUBSCRIBE = 0xa2;
/** Filters in one packet, which is handled in one turn of the event loop: 60,000 in a packet of 600 kB took 290 ms. */
const MAX_FILTERS = 4_096;
const TOO_MANY_FILTERS = `a SUBSCRIBE or UNSUBSCRIBE has more than ${MAX_FILTERS} filters`;

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

  /** @param maxBytes remaining length above which a packet ends the connection before its body is buffered */
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
    for (;;) {
      const chunk = this.readSocket();
      if (!chunk) return null;
      const packets = this.packet ? this.complete(this.packet, chunk) : this.cut(this.withHeader(chunk));
      if (!packets) continue;
      if (this.next === 'connect') this.next = 'nothing';
      return packets;
    }
  }

  private withHeader(chunk: Buffer): Buffer {
    const data = this.header ? Buffer.concat([this.header, chunk]) : chunk;
    this.header = undefined;
    return data;
  }

  /** @returns the whole packets at the beginning of `data`; the rest is given back to the socket or kept */
  private cut(data: Buffer): Buffer | undefined {
    if (this.next === 'connect' && data[0] !== CONNECT) return this.giveUp('the first packet is no CONNECT');
    let end = 0;
    do {
      const size = sizeAt(data, end);
      const maxBytes = this.next === 'connect' ? MAX_CONNECT_BYTES : this.maxBytes;
      if (end === 0 && size !== undefined && size > maxBytes + MAX_HEADER_BYTES) {
        return this.giveUp(`a packet of ${size} bytes is over the limit of ${maxBytes}`);
      }
      if (size === undefined || end + size > data.length) break;
      if (hasTooManyFilters(data, end, size)) return this.giveUp(TOO_MANY_FILTERS);
      end += size;
      this.turns.take(this.share, size);
    } while (end < data.length && this.next === 'packets' && this.turns.mayTake(this.share));
    if (end === 0) return this.keep(data);
    // The socket does not emit 'end' before this was read, too.
    if (end < data.length) this.connection.unshift(data.subarray(end));
    return data.subarray(0, end);
  }

  private keep(data: Buffer): undefined {
    const size = sizeAt(data, 0);
    if (size === undefined) this.header = data;
    else {
      this.packet = { size, filled: data.length, bytes: data };
      this.unfinished.hold(this, data.length);
    }
  }

  private complete(packet: NonNullable<PacketReader['packet']>, chunk: Buffer): Buffer | undefined {
    const filled = Math.min(packet.filled + chunk.length, packet.size);
    // Twice as much each time: a packet that comes byte by byte neither costs a buffer for each nor a copy for each.
    if (filled > packet.bytes.length) {
      const bytes = Buffer.allocUnsafeSlow(Math.min(packet.size, filled * 2));
      packet.bytes.copy(bytes, 0, 0, packet.filled);
      packet.bytes = bytes;
      this.unfinished.hold(this, bytes.length);
    }
    const taken = filled - packet.filled;
    chunk.copy(packet.bytes, packet.filled, 0, taken);
    packet.filled = filled;
    if (taken < chunk.length) this.connection.unshift(chunk.subarray(taken));
    if (filled < packet.size) return undefined;
    this.packet = undefined;
    this.unfinished.release(this);
    if (hasTooManyFilters(packet.bytes, 0, packet.size)) return this.giveUp(TOO_MANY_FILTERS);
    this.turns.take(this.share, packet.size);
    return packet.bytes;
  }

  giveUp(reason: string): undefined {
    this.packet = undefined;
    this.connection.destroy(new Error(reason));
  }
}

/** @returns bytes of the packet at `at` with its header; `undefined` if the header is incomplete; Infinity if malformed */
function sizeAt(data: Buffer, at: number): number | undefined {
  let length = 0;
  for (let i = 1; i < MAX_HEADER_BYTES; i++) {
    const byte = data[at + i];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) << (7 * (i - 1));
    if (byte < 0x80) return 1 + i + length;
  }
  return Infinity;
}

/** Whether the whole packet at `start` has; a malformed one is left to the parser. */
function hasTooManyFilters(data: Buffer, start: number, size: number): boolean {
  const type = data[start]!;
  if (type !== SUBSCRIBE && type !== UNSUBSCRIBE) return false;
  const packet = data.subarray(start, start + size);
  const qosBytes = type === SUBSCRIBE ? 1 : 0;
  let filters = 0;
  // Behind the fixed header and the packet identifier.
  let at = packet.findIndex((byte, i) => i > 0 && byte < 0x80) + 3;
  for (; at + 1 < size && filters <= MAX_FILTERS; filters++) at += 2 + packet.readUInt16BE(at) + qosBytes;
  return filters > MAX_FILTERS;
}
