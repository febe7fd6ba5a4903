import { type Duplex, duplexPair } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import mqttPacket from 'mqtt-packet';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PacketReader } from './packet-reader.js';
import { ReadTurns } from './read-turns.js';
import { UnfinishedPackets } from './unfinished-packets.js';

const MAX_BYTES = 50_000;

let client: Duplex;
let connection: Duplex;
let reader: PacketReader;
/** What each `read()` of the broker has given, in hexadecimal. */
let reads: string[];

beforeEach(() => {
  [client, connection] = duplexPair();
  connection.on('error', () => undefined);
  client.on('error', () => undefined);
  client.resume();
  reader = new PacketReader(connection, MAX_BYTES, new ReadTurns(), new UnfinishedPackets());
  reads = [];
  connection.on('readable', () => {
    for (let data = connection.read() as Buffer | null; data; data = connection.read() as Buffer | null) {
      reads.push(data.toString('hex'));
    }
  });
});

/** Of these bytes of body; the type is that of PUBLISH. */
function packet(bodyBytes: number, fill = 0x61): Buffer {
  const length: number[] = [];
  for (let rest = bodyBytes; length.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    length.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
  }
  return Buffer.concat([Buffer.from([0x30, ...length]), Buffer.alloc(bodyBytes, fill)]);
}
const hex = (...packets: Buffer[]) => Buffer.concat(packets).toString('hex');
const turn = () => new Promise(setImmediate);
async function write(...bytes: Buffer[]): Promise<void> {
  for (const part of bytes) {
    client.write(part);
    await turn();
  }
  await turn();
}
const CONNECT = Buffer.from([0x10, 3, 1, 2, 3]);

describe('PacketReader', () => {
  it('reads CONNECT alone, and what came behind it once CONNACK is sent', async () => {
    const [first, second] = [packet(3), packet(200)];
    await write(Buffer.concat([CONNECT, first, second]));
    expect(reads).toEqual([hex(CONNECT)]);
    await write(packet(4));
    expect(reads).toEqual([hex(CONNECT)]);
    reader.open();
    await turn();
    expect(reads.join('')).toBe(hex(CONNECT, first, second, packet(4)));
  });

  it('reads nothing during a pause, and everything in order after it', async () => {
    await write(CONNECT);
    reader.open();
    reader.pause();
    await write(packet(3), packet(4));
    expect(reads).toEqual([hex(CONNECT)]);
    reader.resume();
    await turn();
    expect(reads.join('')).toBe(hex(CONNECT, packet(3), packet(4)));
  });

  it('gives the same packets whole, wherever they are cut', async () => {
    const packets = [CONNECT, packet(0), packet(1), packet(127), packet(128), packet(20_000), packet(2)];
    const all = Buffer.concat(packets);
    const starts = packets.map((_, i) => Buffer.concat(packets.slice(0, i)).length);
    const cuts = [1, 2, 3, 5, CONNECT.length, ...starts.flatMap((at) => [at + 1, at + 2, at + 3, at + 4])];
    for (const cut of cuts) {
      [client, connection] = duplexPair();
      const whole: Buffer[] = [];
      const each = new PacketReader(connection, MAX_BYTES, new ReadTurns(), new UnfinishedPackets());
      connection.on('readable', () => {
        for (let data = connection.read() as Buffer | null; data; data = connection.read() as Buffer | null) {
          whole.push(data);
        }
      });
      connection.once('readable', () => each.open());
      await write(all.subarray(0, cut), all.subarray(cut));
      await expect.poll(() => Buffer.concat(whole).length).toBe(all.length);
      expect(Buffer.concat(whole).equals(all)).toBe(true);
      let at = 0;
      for (const data of whole) {
        expect([...starts]).toContain(at);
        at += data.length;
      }
    }
  });

  it('puts a packet together that comes byte by byte', async () => {
    await write(CONNECT);
    reader.open();
    const bytes = packet(300);
    for (const byte of bytes) client.write(Buffer.from([byte]));
    await turn();
    await turn();
    expect(reads.slice(1)).toEqual([hex(bytes)]);
  });

  it('ends a connection at the fixed header of a packet of one byte over the limit', async () => {
    await write(CONNECT);
    reader.open();
    await write(packet(MAX_BYTES));
    await expect.poll(() => reads.slice(1).join('')).toBe(hex(packet(MAX_BYTES)));
    const closed = new Promise((resolve) => connection.once('close', resolve));
    client.write(packet(MAX_BYTES + 1).subarray(0, 4));
    await closed;
    expect(connection.errored?.message).toContain(`over the limit of ${MAX_BYTES}`);
    expect(reads.slice(1).join('')).toBe(hex(packet(MAX_BYTES)));
  });

  it('ends a connection at the fixed header of a CONNECT over 100 kB', async () => {
    // 100,000 bytes follow.
    await write(Buffer.from([0x10, 0xa0, 0x8d, 0x06]));
    expect(connection.destroyed).toBe(false);
    [client, connection] = duplexPair();
    reader = new PacketReader(connection, MAX_BYTES, new ReadTurns(), new UnfinishedPackets());
    connection.on('readable', () => connection.read());
    const failed = new Promise<Error>((resolve) => connection.once('error', resolve));
    // One more.
    client.write(Buffer.from([0x10, 0xa1, 0x8d, 0x06]));
    expect((await failed).message).toContain('over the limit of 100000');
  });

  it('keeps 64 MB of CONNECTs that are not answered yet, and ends the connection of the largest', async () => {
    const unfinished = new UnfinishedPackets();
    const connectWith = async (bytes: number) => {
      const [sender, receiver] = duplexPair();
      receiver.on('error', () => undefined);
      const opened = new PacketReader(receiver, MAX_BYTES, new ReadTurns(), unfinished);
      receiver.on('readable', () => receiver.read());
      const large = packet(bytes);
      large[0] = CONNECT[0]!;
      sender.write(large);
      await turn();
      return { receiver, opened };
    };
    const small = await connectWith(50);
    const large = await Promise.all(Array.from({ length: 700 }, () => connectWith(100_000)));
    const left = large.filter(({ receiver }) => !receiver.destroyed);
    expect(left.length).toBe(Math.floor((64 * 1_048_576) / 100_004));
    expect(small.receiver.destroyed).toBe(false);
    for (const { opened } of left) opened.open();
    expect((await connectWith(100_000)).receiver.destroyed).toBe(false);
  });

  it('ends a connection at a first byte that begins no CONNECT', async () => {
    const closed = new Promise((resolve) => connection.once('close', resolve));
    client.write(packet(100).subarray(0, 1));
    await closed;
    expect(reads).toEqual([]);
  });

  it('ends a connection whose packet length has no end', async () => {
    const closed = new Promise((resolve) => connection.once('close', resolve));
    client.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01]));
    await closed;
    expect(reads).toEqual([]);
  });

  it('gives the packets before one that ends the connection, and none behind it', async () => {
    await write(CONNECT);
    reader.open();
    const forbidden = Buffer.from([0xa2, 5, 0, 1, 0, 1, 0]);
    await write(Buffer.concat([packet(3), forbidden, packet(4)]));
    expect(connection.destroyed).toBe(true);
    expect(reads.slice(1)).toEqual([hex(packet(3))]);
  });

  it('gives nothing that comes behind a packet in parts that ends the connection', async () => {
    await write(CONNECT);
    reader.open();
    const forbidden = Buffer.from([0xa2, 5, 0, 1, 0, 1, 0]);
    await write(forbidden.subarray(0, 4), Buffer.concat([forbidden.subarray(4), packet(4)]));
    expect(connection.destroyed).toBe(true);
    expect(reads.slice(1)).toEqual([]);
  });

  it.each([2, 3, 200])(
    'keeps no more memory than it counts for a packet of which %i bytes came',
    async (n) => {
      setFlagsFromString('--expose-gc');
      const gc = runInNewContext('gc') as () => void;
      const used = async () => {
        for (let i = 0; i < 3; i++) {
          gc();
          await turn();
        }
        return process.memoryUsage().arrayBuffers;
      };
      const before = await used();
      const open = Array.from({ length: 100 }, () => {
        const [ours, theirs] = duplexPair();
        const one = new PacketReader(theirs, MAX_BYTES, new ReadTurns(), new UnfinishedPackets());
        theirs.on('readable', () => {
          while (theirs.read() !== null);
        });
        return { ours, one };
      });
      for (const { ours } of open) ours.write(CONNECT);
      await turn();
      for (const { one, ours } of open) {
        one.open();
        ours.write(Buffer.concat([packet(40_000), packet(300).subarray(0, n)]));
      }
      await turn();
      await turn();
      expect((await used()) - before).toBeLessThan(100 * 1_000);
      expect(open.every(({ ours }) => !ours.destroyed)).toBe(true);
    },
  );

  it('gives at most 64 packets of a burst in one turn of the event loop, and the others in later ones', async () => {
    await write(CONNECT);
    reader.open();
    const burst = Array.from({ length: 1_000 }, () => packet(0));
    const packetsRead = () => reads.slice(1).join('').length / hex(packet(0)).length;
    client.write(Buffer.concat(burst));
    const inTurns: number[] = [];
    while (packetsRead() < burst.length) {
      const before = packetsRead();
      await turn();
      inTurns.push(packetsRead() - before);
    }
    expect(Math.max(...inTurns)).toBe(64);
    expect(Math.max(...reads.slice(1).map((data) => data.length))).toBe(8 * hex(packet(0)).length);
  });

  it('gives a SUBSCRIBE of 1,024 filters alone in a turn of the event loop', async () => {
    await write(CONNECT);
    reader.open();
    const subscriptions = Array.from({ length: 1_024 }, () => ({ topic: 'a', qos: 1 as const }));
    const subscribe = mqttPacket.generate({ cmd: 'subscribe', messageId: 1, subscriptions });
    client.write(Buffer.concat(Array.from({ length: 8 }, () => subscribe)));
    const all = hex(...Array.from({ length: 8 }, () => subscribe));
    await expect.poll(() => reads.slice(1).join('').length).toBe(all.length);
    expect(reads.slice(1)).toEqual(Array(8).fill(hex(subscribe)));
  });

  it('reads nothing of a connection that has ended, and keeps nothing of it', async () => {
    const unfinished = new UnfinishedPackets();
    [client, connection] = duplexPair();
    connection.on('error', () => undefined);
    reader = new PacketReader(connection, MAX_BYTES, new ReadTurns(), unfinished);
    await write(CONNECT);
    connection.read();
    reader.open();
    const hold = vi.spyOn(unfinished, 'hold');
    await write(packet(1_000).subarray(0, 500));
    connection.destroy();
    expect(connection.read()).toBeNull();
    expect(hold).not.toHaveBeenCalled();
  });

  it('reads nothing behind CONNECT if it was paused before CONNACK', async () => {
    await write(CONNECT);
    reader.pause();
    reader.open();
    await write(packet(3));
    expect(reads).toEqual([hex(CONNECT)]);
  });

  it('does not let the connection end before all that was sent is read', async () => {
    let hasEnded = false;
    connection.on('end', () => (hasEnded = true));
    await write(Buffer.concat([CONNECT, packet(3), packet(4)]));
    client.end();
    await turn();
    expect(hasEnded).toBe(false);
    reader.open();
    await expect.poll(() => hasEnded).toBe(true);
    expect(reads.join('')).toBe(hex(CONNECT, packet(3), packet(4)));
  });
});
