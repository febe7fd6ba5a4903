import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  connectPacket,
  PacketReader,
  PUBACK,
  pubackPacket,
  PUBLISH,
  publishPacket,
  subscribePacket,
} from './packets.js';

const CONNACK = 2;
const SUBACK = 9;

/** One MQTT 3.1.1 client that does no more than the load needs. */
export class LoadClient {
  onMessage: (payload: Buffer, at: number) => void = () => {};
  onPuback: (messageId: number, at: number) => void = () => {};
  private readonly socket: Socket;
  private readonly reader: PacketReader;
  private lastMessageId = 0;
  private arrivedAt = 0;
  private onAnswer: (type: number, code: number) => void = () => {};

  constructor(
    url: string,
    readonly id: string,
  ) {
    const { hostname, port } = new URL(url);
    // With Nagle's algorithm a request waits 40 ms for the acknowledgement of the one before.
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.reader = new PacketReader((...packet) => this.handle(...packet));
    this.socket.on('data', (chunk) => {
      this.arrivedAt = performance.now();
      // What a chunk of replies leads to leaves in one write.
      this.socket.cork();
      this.reader.read(chunk);
      this.socket.uncork();
    });
  }

  /** @throws where the broker refuses it, or its subscription */
  async open(login?: { username: string; password: string }, topic?: string, qos: 0 | 1 = 1): Promise<void> {
    await once(this.socket, 'connect');
    this.socket.on('error', (error) => process.stderr.write(`${this.id}: ${error.message}\n`));
    await this.ask(connectPacket(this.id, login), CONNACK);
    if (topic !== undefined) await this.subscribe(topic, qos);
  }

  /** @throws if the broker refuses it */
  subscribe(topic: string, qos: 0 | 1 = 1): Promise<void> {
    return this.ask(subscribePacket(topic, qos), SUBACK);
  }

  /**
   * Makes this connection the token's user. The client must have subscribed its replies to `authenticate`.
   * @throws the reply's error
   */
  authenticate(token: string): Promise<void> {
    return this.whileOpen((resolve, reject) => {
      this.onMessage = (payload) => {
        const { status, error } = JSON.parse(String(payload)) as { status: string; error?: string };
        if (status === 'success') resolve();
        else reject(new Error(`${this.id}: ${error}`));
      };
      this.publish('dh/request', JSON.stringify({ action: 'authenticate', token }));
    });
  }

  /** @returns the packet's message id */
  publish(topic: string, payload: string): number {
    this.lastMessageId = (this.lastMessageId % 65_535) + 1;
    this.socket.write(publishPacket(topic, payload, this.lastMessageId));
    return this.lastMessageId;
  }

  close(): void {
    this.socket.destroy();
  }

  private handle(type: number, flags: number, body: Buffer): void {
    if (type === PUBLISH) this.receive(flags, body);
    else if (type === PUBACK) this.onPuback(body.readUInt16BE(0), this.arrivedAt);
    else this.onAnswer(type, body[body.length - 1]!);
  }

  private receive(flags: number, body: Buffer): void {
    let at = 2 + body.readUInt16BE(0);
    if (flags & 0b0110) {
      this.socket.write(pubackPacket(body.readUInt16BE(at)));
      at += 2;
    }
    this.onMessage(body.subarray(at), this.arrivedAt);
  }

  private ask(packet: Buffer, answer: number): Promise<void> {
    return this.whileOpen((resolve, reject) => {
      this.onAnswer = (type, code) => {
        if (type === answer && code < 128 && (type !== CONNACK || code === 0)) resolve();
        else reject(new Error(`${this.id} got packet ${type} with code ${code} instead of ${answer}`));
      };
      this.socket.write(packet);
    });
  }

  /** @throws if the connection ends before */
  private async whileOpen(
    work: (resolve: () => void, reject: (error: Error) => void) => void,
  ): Promise<void> {
    let onClose = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        onClose = () => reject(new Error(`${this.id}: the connection has ended`));
        this.socket.once('close', onClose);
        work(resolve, reject);
      });
    } finally {
      this.socket.off('close', onClose);
    }
  }
}
