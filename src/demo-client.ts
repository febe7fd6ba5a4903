import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';

const WAIT_MS = 5_000;

type Json = Record<string, unknown>;
type Reply = { status: string; accessToken?: string; command: Json; error?: string };

/** One speaker of the demo: says what it sends and gets, as it happens, and fails on a wrong answer. */
export class DemoClient {
  private requests = 0;
  private readonly listeners = new Map<string, (message: Json) => void>();

  private constructor(
    private readonly name: string,
    private readonly client: MqttClient,
  ) {
    client.on('message', (topic, payload) => {
      this.say('<-', topic, payload.toString());
      const message = JSON.parse(payload.toString()) as Json;
      const key = String(message.requestId ?? message.action);
      this.listeners.get(key)?.(message);
    });
  }

  static async connect(url: string, name: string, credentials: IClientOptions = {}): Promise<DemoClient> {
    const client = new DemoClient(name, await connectAsync(url, { clientId: name, ...credentials }));
    client.say('  ', 'connects', credentials.username ? `as ${credentials.username}` : 'without credentials');
    return client;
  }

  /** Subscribes to events. */
  async watch(filter: string): Promise<void> {
    this.say('  ', 'watches', filter);
    await this.client.subscribeAsync(filter, { qos: 1 });
  }

  /** Sends a request and waits for its reply, which must be a success. */
  async request(action: string, body: Json): Promise<Reply> {
    const requestId = `${this.name}-${++this.requests}`;
    await this.client.subscribeAsync(`dh/response/${action}@${this.name}`);
    const reply = this.next(requestId, `a reply to ${action}`);
    const payload = JSON.stringify({ action, requestId, ...body });
    this.say('->', 'dh/request', payload);
    this.client.publish('dh/request', payload, { qos: 1 });
    const answer = (await reply) as Reply;
    this.expect(`${action} succeeds: ${answer.error ?? answer.status}`, answer.status === 'success');
    return answer;
  }

  /** The next event of an action. */
  async nextEvent(action: string): Promise<Json> {
    return (await this.next(action, `an event of ${action}`)).command as Json;
  }

  expect(what: string, holds: boolean): void {
    if (!holds) throw new Error(`${this.name}: ${what}`);
  }

  end(): Promise<void> {
    return this.client.endAsync();
  }

  private next(key: string, what: string): Promise<Json> {
    const message = new Promise<Json>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.name} waited in vain for ${what}`)), WAIT_MS);
      this.listeners.set(key, (message) => {
        clearTimeout(timer);
        resolve(message);
      });
    });
    // Whoever gave up on an earlier step is not there to catch this one.
    message.catch(() => undefined);
    return message;
  }

  private say(arrow: string, subject: string, text: string): void {
    const shown = text.replace(/"(password|\w*[tT]oken)":"[^"]*"/g, '"$1":"..."');
    process.stdout.write(`${this.name.padEnd(12)} ${arrow} ${subject} ${shown}\n`);
  }
}
