import { Readable } from 'node:stream';
import type { IStore, Packet } from 'mqtt';

type Found = (error?: Error, packet?: Packet) => void;

/**
 * What MQTT.js has sent and the broker has not acknowledged, in the order of sending, as brokers acknowledge it
 * [MQTT-4.6.0-2]: it is sent again over the next connection.
 *
 * A list, since the table of a Map that is full leads on to the next one: once such a table is old, V8 keeps all that
 * come after it, and what they held, until a full collection. With the Map of MQTT.js and a Set in `Outgoing` young
 * collections moved 420 kB each to the old generation with 64 in flight, now 210.
 */
export class SentPackets implements IStore {
  private readonly packets: Packet[] = [];

  put(packet: Packet, done: () => void): this {
    this.packets.push(packet);
    done();
    return this;
  }

  get({ messageId }: Pick<Packet, 'messageId'>, found: Found): this {
    answer(found, this.packets[this.placeOf(messageId)]);
    return this;
  }

  del({ messageId }: Pick<Packet, 'messageId'>, found: Found): this {
    answer(found, removeAt(this.packets, this.placeOf(messageId)));
    return this;
  }

  createStream(): ReturnType<IStore['createStream']> {
    const packets = this.packets.slice();
    const stream = new Readable({ objectMode: true, read: () => stream.push(packets.shift() ?? null) });
    // Typed as one of a package that offers Node's streams to browsers.
    return stream as unknown as ReturnType<IStore['createStream']>;
  }

  /** Its client has ended; what is left is nobody's. */
  close(done: () => void): void {
    done();
  }

  private placeOf(messageId: number | undefined): number {
    return this.packets.findIndex((packet) => packet.messageId === messageId);
  }
}

function answer(found: Found, packet: Packet | undefined): void {
  if (packet) found(undefined, packet);
  else found(new Error('missing packet'));
}

/** @returns what was there, if anything was */
export function removeAt<Item>(list: Item[], place: number): Item | undefined {
  return place > 0 ? list.splice(place, 1)[0] : place === 0 ? list.shift() : undefined;
}
