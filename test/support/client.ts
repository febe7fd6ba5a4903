import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { connectAsync, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { DescribedTraffic } from './described-traffic.js';

export interface TestClientOptions extends IClientOptions {
  clientId?: string;
  /** where requests go; `dh/request` unless told */
  requestTopic?: string;
}

export interface Message {
  topic: string;
  text: string;
  json: Record<string, any>;
  packet: IPublishPacket;
}

const WAIT_MS = 10_000;

/** An MQTT client as users have one (MQTT.js), which keeps everything it receives, and compares it with the API description. */
export class TestClient {
  readonly messages: Message[] = [];
  private readonly waiting = new Set<() => void>();

  private constructor(
    readonly mqtt: MqttClient,
    private readonly requestTopic: string,
  ) {
    const traffic = new DescribedTraffic();
    mqtt.on('packetsend', (packet) => {
      if (packet.cmd === 'publish' && /^dh\/request(\/|$)/.test(packet.topic)) {
        traffic.sent(packet.payload.toString());
      }
    });
    mqtt.on('message', (topic, payload, packet) => {
      const text = payload.toString();
      traffic.received(topic, text);
      this.messages.push({ topic, text, json: parse(text), packet });
      for (const check of this.waiting) check();
    });
  }

  /** Subscribed to all its own replies already. */
  static async connect(url: string, options: TestClientOptions = {}): Promise<TestClient> {
    const clientId = options.clientId ?? `test-${randomUUID()}`;
    const mqtt = await connectAsync(url, { reconnectPeriod: 0, ...options, clientId }, false);
    // With Nagle's algorithm a request right after an acknowledgement waits 40 ms for the peer's.
    (mqtt.stream as unknown as Socket).setNoDelay(true);
    const client = new TestClient(mqtt, options.requestTopic ?? 'dh/request');
    await mqtt.subscribeAsync('dh/response/#', { qos: 1 });
    return client;
  }

  get id(): string {
    return this.mqtt.options.clientId!;
  }

  /** Publishes a request as it is and waits for the reply with its requestId. */
  async request(action: string, body: object = {}, qos: 0 | 1 = 1): Promise<Record<string, any>> {
    const requestId = randomUUID();
    await this.mqtt.publishAsync(this.requestTopic, JSON.stringify({ action, requestId, ...body }), { qos });
    return (await this.next((message) => message.json.requestId === requestId)).json;
  }

  /** Publishes a request at QoS 1, and waits for nothing. */
  publish(request: object): void {
    this.mqtt.publish(this.requestTopic, JSON.stringify(request), { qos: 1 });
  }

  /** Publishes any payload and waits for whatever is answered next. */
  async send(
    payload: string | Buffer,
    options: { qos?: 0 | 1 | 2; retain?: boolean } = {},
  ): Promise<Message> {
    const before = this.messages.length;
    await this.mqtt.publishAsync(this.requestTopic, payload, { qos: 1, ...options });
    return this.next((message) => this.messages.indexOf(message) >= before && isReply(message));
  }

  async authenticate(token: string): Promise<Record<string, any>> {
    return this.request('authenticate', { token });
  }

  async subscribe(filter: string, qos: 0 | 1 = 1): Promise<number> {
    try {
      const [granted] = await this.mqtt.subscribeAsync(filter, { qos });
      return granted!.qos;
    } catch (error) {
      const { packet } = error as { packet?: { granted: number[] } };
      if (!packet) throw error;
      return packet.granted[0]!;
    }
  }

  /** The first message that fits, received already or still to come. */
  next(fits: (message: Message) => boolean): Promise<Message> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(check);
        reject(new Error(`waited in vain; received: ${this.messages.map(({ text }) => text).join('\n')}`));
      }, WAIT_MS);
      const check = () => {
        const message = this.messages.find(fits);
        if (!message) return;
        clearTimeout(timer);
        this.waiting.delete(check);
        resolve(message);
      };
      this.waiting.add(check);
      check();
    });
  }

  events(): Message[] {
    return this.messages.filter((message) => !isReply(message));
  }

  async end(): Promise<void> {
    await this.mqtt.endAsync(true);
  }
}

function isReply({ topic }: Message): boolean {
  return topic.startsWith('dh/response/');
}

function parse(text: string): Record<string, any> {
  try {
    return JSON.parse(text) as Record<string, any>;
  } catch {
    return {};
  }
}
