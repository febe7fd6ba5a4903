import mqttPacket from 'mqtt-packet';

// A PUBLISH is written and read by hand: a library takes as much time for it as all the rest of a request.

export const PUBLISH = 3;
export const PUBACK = 4;
const QOS_1 = 0x32;
const HEADER_BYTES = 5;

export function connectPacket(clientId: string, login?: { username: string; password: string }): Buffer {
  return mqttPacket.generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 0,
    clientId,
    ...(login && { username: login.username, password: Buffer.from(login.password) }),
  });
}

export function subscribePacket(topic: string, qos: 0 | 1): Buffer {
  return mqttPacket.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] });
}

/** QoS 1, for texts in ASCII. */
export function publishPacket(topic: string, payload: string, messageId: number): Buffer {
  const packet = Buffer.allocUnsafe(HEADER_BYTES + 4 + topic.length + payload.length);
  packet[0] = QOS_1;
  let at = writeLength(packet, 4 + topic.length + payload.length);
  at = packet.writeUInt16BE(topic.length, at);
  at += packet.write(topic, at, 'latin1');
  at = packet.writeUInt16BE(messageId, at);
  at += packet.write(payload, at, 'latin1');
  return packet.subarray(0, at);
}

export function pubackPacket(messageId: number): Buffer {
  return Buffer.from([PUBACK << 4, 2, messageId >> 8, messageId & 0xff]);
}

/** @returns where the rest of the packet begins */
function writeLength(packet: Buffer, length: number): number {
  let at = 1;
  for (; length > 127; length >>= 7) packet[at++] = (length & 127) | 128;
  packet[at++] = length;
  return at;
}

/** `body` is what follows the length, and is valid during the call only. */
export type PacketListener = (type: number, flags: number, body: Buffer) => void;

/** Cuts what arrives into packets. */
export class PacketReader {
  private rest?: Buffer;

  constructor(private readonly listener: PacketListener) {}

  read(chunk: Buffer): void {
    const data = this.rest ? Buffer.concat([this.rest, chunk]) : chunk;
    let start = 0;
    for (;;) {
      let at = start + 1;
      let length = 0;
      for (let shift = 0; ; shift += 7, at++) {
        length |= (data[at]! & 127) << shift;
        if (!(data[at]! & 128)) break;
      }
      const end = at + 1 + length;
      // Beyond the end the length reads as 0, which is why `at` is looked at too.
      if (at >= data.length || end > data.length) break;
      this.listener(data[start]! >> 4, data[start]! & 15, data.subarray(at + 1, end));
      start = end;
    }
    this.rest = start < data.length ? data.subarray(start) : undefined;
  }
}
