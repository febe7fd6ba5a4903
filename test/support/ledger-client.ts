import type { IClientOptions, MqttClient } from 'mqtt';
import { type Ledger, type LedgerRequest, now } from './ledger.js';
import { openSession, subscribed } from './ledger-session.js';

/** MQTT.js says so of a publish that waited for older ones to be sent again when the connection broke, and drops it. */
const NEVER_SENT = 'Connection closed';

export interface LedgerClientOptions extends IClientOptions {
  /** where requests go; `dh/request` unless told */
  requestTopic?: string;
  /** members of every request besides its own, e.g. `token` */
  body?: object;
  /** how many requests may be open at a time; 64 unless told */
  inFlight?: number;
  /** what closes a request; with `acknowledged` they pile up at an external broker while the service is away */
  openUntil?: 'answered' | 'acknowledged';
}

/** Sends requests at QoS 1, each with a value of its own, and writes down what becomes of them. One per client id. */
export class LedgerClient {
  private readonly sent = new Map<number, { request: LedgerRequest; payload: string }>();
  private readonly unfinished = new Set<LedgerRequest>();
  private readonly open = new Set<LedgerRequest>();
  private readonly waiting: (() => void)[] = [];
  private settled: () => void = () => {};

  private constructor(
    private readonly ledger: Ledger,
    private readonly options: LedgerClientOptions,
    readonly id: string,
    readonly mqtt: MqttClient,
  ) {
    mqtt.on('message', (_topic, payload) => this.keep(payload.toString()));
  }

  /** @param clientId the user's name where the broker takes that for the client id */
  static async connect(
    url: string,
    ledger: Ledger,
    clientId: string,
    options: LedgerClientOptions = {},
  ): Promise<LedgerClient> {
    const client = new LedgerClient(ledger, options, clientId, openSession(url, clientId, options));
    const replies = ['command/update', 'command/insert', ''];
    await subscribed(
      client.mqtt,
      replies.map((action) => `dh/response/${action}@${clientId}`),
    );
    return client;
  }

  /** Resolves when the request is on its way, and waits before that while too many are open. */
  update(deviceId: string, commandId: number): Promise<LedgerRequest> {
    const body = (status: string) => ({ deviceId, commandId, command: { status } });
    return this.send({ action: 'command/update', commandId }, body);
  }

  /** Makes a command whose name and first status are the request's value. */
  insert(deviceId: string): Promise<LedgerRequest> {
    const body = (value: string) => ({ deviceId, command: { command: value, status: value } });
    return this.send({ action: 'command/insert' }, body);
  }

  /**
   * Sends again, under the same `requestId`, what the broker has taken and nobody has answered: the way out for a
   * client whose connection broke between PUBACK and reply. What was not taken the library sends again by itself.
   * @returns how many there were
   */
  askAgain(): number {
    const lost = [...this.unfinished].filter(({ acknowledgedAt }) => acknowledgedAt !== undefined);
    for (const request of lost) this.publish(request);
    return lost.length;
  }

  /** Resolves once all is acknowledged and answered, or after a time: what is missing then the checker tells. */
  async settle(withinMs = 10_000): Promise<void> {
    if (this.unfinished.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.settled = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async end(): Promise<void> {
    await this.mqtt.endAsync(true);
  }

  private async send(
    about: Pick<LedgerRequest, 'action' | 'commandId'>,
    bodyOf: (value: string) => object,
  ): Promise<LedgerRequest> {
    const { inFlight = 64, body } = this.options;
    while (this.open.size >= inFlight) await new Promise<void>((resolve) => this.waiting.push(resolve));
    const requestId = this.sent.size + 1;
    const value = `${this.id}-${requestId}`;
    const request = { ...about, clientId: this.id, requestId, value, sentAt: now(), answers: [] };
    const payload = JSON.stringify({ action: about.action, requestId, ...body, ...bodyOf(value) });
    this.sent.set(requestId, { request, payload });
    this.ledger.requests.push(request);
    this.unfinished.add(request);
    this.open.add(request);
    this.publish(request);
    return request;
  }

  private publish(request: LedgerRequest): void {
    const { requestTopic = 'dh/request' } = this.options;
    const { payload } = this.sent.get(request.requestId)!;
    this.mqtt.publish(requestTopic, payload, { qos: 1 }, (error) => {
      if (!error) {
        request.acknowledgedAt ??= now();
        this.changed(request);
      } else if (error.message === NEVER_SENT) {
        // Not at once: it is still going through the others.
        queueMicrotask(() => this.publish(request));
      } else if (!this.mqtt.disconnecting) {
        throw error;
      }
    });
  }

  private keep(text: string): void {
    const { requestId, status, code, command } = JSON.parse(text) as Record<string, any>;
    const request = this.sent.get(requestId)?.request;
    if (!request) {
      this.ledger.strays.push(`${this.id}: ${text}`);
      return;
    }
    request.answers.push({ at: now(), status, code, commandId: command?.id, text });
    this.changed(request);
  }

  private changed(request: LedgerRequest): void {
    const isAcknowledged = request.acknowledgedAt !== undefined;
    const isAnswered = request.answers.length > 0;
    const isClosed = this.options.openUntil === 'acknowledged' ? isAcknowledged : isAnswered;
    if (isClosed && this.open.delete(request)) this.waiting.shift()?.();
    if (isAcknowledged && isAnswered) this.unfinished.delete(request);
    if (this.unfinished.size === 0) this.settled();
  }
}

/** Writes down every event that its user may see. */
export class Watcher {
  private constructor(
    ledger: Ledger,
    readonly id: string,
    readonly mqtt: MqttClient,
  ) {
    mqtt.on('message', (_topic, payload) => {
      const { command: whole } = JSON.parse(payload.toString()) as { command: Record<string, any> };
      const { id, lastUpdated, command, status } = whole;
      const text = JSON.stringify(whole);
      ledger.events.push({ watcher: this.id, at: now(), id, lastUpdated, command, status, text });
    });
  }

  static async connect(
    url: string,
    ledger: Ledger,
    clientId: string,
    options: IClientOptions = {},
  ): Promise<Watcher> {
    const watcher = new Watcher(ledger, clientId, openSession(url, clientId, options));
    await subscribed(watcher.mqtt, ['dh/command_update/#', 'dh/command/#']);
    return watcher;
  }

  async end(): Promise<void> {
    await this.mqtt.endAsync(true);
  }
}
