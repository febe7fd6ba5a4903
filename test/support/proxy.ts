import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';

export type Direction = 'toBroker' | 'toClient';

export interface SeenPacket {
  direction: Direction;
  packet: Packet;
  isDropped: boolean;
}

/** A network between clients and a broker that can fail. Packets pass as the bytes they came in, or not at all. */
export class MqttProxy {
  /** decides at each packet whether it vanishes; it may be set at any time */
  drop: (direction: Direction, packet: Packet) => boolean = () => false;
  /** makes another packet of one, knowing whose connection it is, as a broker with a plugin would */
  rewrite?: (direction: Direction, packet: Packet, clientId: string) => Packet;
  /** how long a packet takes on its way; milliseconds */
  latencyMs = 0;
  /** all packets of all connections, in the order in which they came here */
  readonly packets: SeenPacket[] = [];
  private readonly sockets = new Set<Socket>();
  private isHolding = false;
  private isRefusing = false;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {
    server.on('connection', (client) => this.join(client));
  }

  static async start(targetUrl: string): Promise<MqttProxy> {
    const server = createServer();
    const proxy = new MqttProxy(server, new URL(targetUrl));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Breaks all connections, on both sides and without a DISCONNECT; new ones are accepted. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Closes new connections at once; those that are there stay. */
  refuse(on: boolean): void {
    this.isRefusing = on;
  }

  /** A network that says nothing: bytes and ends of connections wait, of new connections too. */
  hold(): void {
    this.isHolding = true;
    for (const socket of this.sockets) socket.pause();
  }

  /** Lets pass what has waited, and what comes. */
  release(): void {
    this.isHolding = false;
    for (const socket of this.sockets) socket.resume();
  }

  async stop(): Promise<void> {
    this.isRefusing = true;
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(client: Socket): void {
    if (this.isRefusing) {
      client.destroy();
      return;
    }
    const broker = connect({ host: this.target.hostname, port: Number(this.target.port) });
    // The version is in the client's CONNECT, before anything that looks different in MQTT 5.
    const peer: Peer = { protocolVersion: 4, clientId: '' };
    this.pass('toBroker', client, broker, peer);
    this.pass('toClient', broker, client, peer);
  }

  private pass(direction: Direction, from: Socket, to: Socket, peer: Peer): void {
    this.sockets.add(from);
    from.setNoDelay(true);
    let rest: Buffer = Buffer.alloc(0);
    from.on('data', (data: Buffer) => {
      rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
      let length;
      while ((length = packetLength(rest)) !== undefined && length <= rest.length) {
        const bytes = rest.subarray(0, length);
        rest = rest.subarray(length);
        const packet = parse(bytes, peer);
        if (this.isDropped(direction, packet)) continue;
        const other = packet && this.rewrite?.(direction, packet, peer.clientId);
        const passed = other ? mqttPacket.generate(other, { protocolVersion: peer.protocolVersion }) : bytes;
        if (this.latencyMs > 0) setTimeout(() => to.write(passed), this.latencyMs);
        else to.write(passed);
      }
    });
    if (this.isHolding) from.pause();
    from.on('error', () => undefined);
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroySoon();
    });
  }

  /** What is no MQTT passes. */
  private isDropped(direction: Direction, packet: Packet | undefined): boolean {
    if (!packet) return false;
    const isDropped = this.drop(direction, packet);
    this.packets.push({ direction, packet, isDropped });
    return isDropped;
  }
}

/**
 * The length of the packet that starts here, from its fixed header; `undefined` while that is not complete. What
 * is no MQTT is one packet as far as it goes.
 */
function packetLength(bytes: Buffer): number | undefined {
  let remaining = 0;
  for (let i = 1; i <= 4 && i < bytes.length; i++) {
    remaining += (bytes[i]! & 0x7f) * 128 ** (i - 1);
    if (bytes[i]! < 0x80) return 1 + i + remaining;
  }
  return bytes.length > 4 ? bytes.length : undefined;
}

/** The client of a connection, from its CONNECT. */
interface Peer {
  protocolVersion: number;
  clientId: string;
}

/** A parser for each packet: after an error in one it would misread the next. */
function parse(bytes: Buffer, peer: Peer): Packet | undefined {
  let parsed: Packet | undefined;
  const parser = mqttPacket.parser({ protocolVersion: peer.protocolVersion });
  parser.on('packet', (packet: Packet) => (parsed = packet));
  parser.on('error', () => undefined);
  parser.parse(bytes);
  if (parsed?.cmd === 'connect') {
    peer.protocolVersion = parsed.protocolVersion ?? 4;
    peer.clientId = parsed.clientId;
  }
  return parsed;
}
