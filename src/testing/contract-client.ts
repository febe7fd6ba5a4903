import { randomUUID } from 'node:crypto';
import { connectAsync, type MqttClient } from 'mqtt';

const WAIT_MS = 10_000;

export interface ContractReply {
  topic: string;
  text: string;
  json: Record<string, unknown>;
}

/** An MQTT client that keeps all the replies it gets. */
export class ContractClient {
  readonly replies: ContractReply[] = [];
  private readonly waiting = new Set<() => void>();

  private constructor(private readonly mqtt: MqttClient) {
    mqtt.on('message', (topic, payload) => {
      const text = payload.toString();
      this.replies.push({ topic, text, json: JSON.parse(text) as ContractReply['json'] });
      for (const check of this.waiting) check();
    });
  }

  static async connect(url: string): Promise<ContractClient> {
    const mqtt = await connectAsync(url, { clientId: `contract-${randomUUID()}`, reconnectPeriod: 0 });
    await mqtt.subscribeAsync('dh/response/#', { qos: 1 });
    return new ContractClient(mqtt);
  }

  get id(): string {
    return this.mqtt.options.clientId!;
  }

  /** Sends a request, and waits for the reply with its requestId. */
  async request(action: string, body: object): Promise<ContractReply> {
    const requestId = randomUUID();
    return this.send(
      JSON.stringify({ action, requestId, ...body }),
      ({ json }) => json.requestId === requestId,
    );
  }

  /** Sends a request as it is, and waits for a reply that fits and comes after it. */
  async send(payload: string, fits: (reply: ContractReply) => boolean = () => true): Promise<ContractReply> {
    const before = this.replies.length;
    await this.mqtt.publishAsync('dh/request', payload, { qos: 1 });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(check);
        reject(new Error(`There was no reply to ${payload}`));
      }, WAIT_MS);
      const check = () => {
        const reply = this.replies.slice(before).find(fits);
        if (!reply) return;
        clearTimeout(timer);
        this.waiting.delete(check);
        resolve(reply);
      };
      this.waiting.add(check);
      check();
    });
  }

  async end(): Promise<void> {
    await this.mqtt.endAsync(true);
  }
}
