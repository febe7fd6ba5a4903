import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import mqttPacket, { type IConnectPacket, type Packet } from 'mqtt-packet';

const WAIT_MS = 15_000;

/** A client that speaks packets, for what a well-behaved library does not do; keeps all packets in order. */
export class RawClient {
  readonly packets: Packet[] = [];
  closed = false;
  private readonly parser = mqttPacket.parser({ protocolVersion: 4 });
  private readonly waiting = new Set<() => void>();

  private constructor(readonly socket: Socket) {
    this.parser.on('packet', (packet) => {
      this.packets.push(packet);
      this.notify();
    });
    socket.on('data', (data) => this.parser.parse(data));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.notify();
    });
  }

  static async open(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Opens a connection and sends CONNECT; the CONNACK is the first packet. */
  static async connect(url: string, options: Partial<IConnectPacket> = {}): Promise<RawClient> {
    const client = await RawClient.open(url);
    client.write({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: `raw-${Math.random()}`,
      keepalive: 0,
      ...options,
    } as IConnectPacket);
    await client.until(() => client.closed || client.packets.length > 0);
    return client;
  }

  write(packet: Packet): void {
    mqttPacket.writeToStream(packet, this.socket);
  }

  publish(payload: string, options: { qos?: 0 | 1 | 2; messageId?: number; topic?: string } = {}): void {
    const { qos = 0, messageId, topic = 'dh/request' } = options;
    this.write({ cmd: 'publish', topic, payload, qos, messageId, retain: false, dup: false });
  }

  async subscribe(topic: string, qos: 0 | 1 = 1): Promise<void> {
    const messageId = 60_000 + this.packets.length;
    this.write({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos }] });
    await this.packet('suback', (packet) => packet.messageId === messageId);
  }

  /** The first packet of a kind that fits, received already or still to come. */
  async packet(cmd: Packet['cmd'], fits: (packet: any) => boolean = () => true): Promise<any> {
    const find = () => this.packets.find((packet) => packet.cmd === cmd && fits(packet));
    await this.until(() => find() !== undefined);
    return find();
  }

  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(check);
        reject(new Error(`waited in vain; received: ${this.packets.map(({ cmd }) => cmd).join(' ')}`));
      }, WAIT_MS);
      const check = () => {
        if (!holds()) return;
        clearTimeout(timer);
        this.waiting.delete(check);
        resolve();
      };
      this.waiting.add(check);
      check();
    });
  }

  end(): void {
    this.socket.destroy();
  }

  private notify(): void {
    for (const check of this.waiting) check();
  }
}
