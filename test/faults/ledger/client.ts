import type { IClientOptions, MqttClient } from 'mqtt';
import { type Content, type Field, FIELDS, type Ledger, type LedgerRequest, now } from './ledger.js';
import { openSession, subscribed } from './session.js';

/** MQTT.js says so of a publish that waited for older ones to be sent again when the connection broke, and drops it. */
const NEVER_SENT = 'Connection closed';

export interface LedgerClientOptions extends IClientOptions {
  /** where requests go; `dh/request` unless told */
  requestTopic?: string;
  /** members of every request besides its own, e.g. `token` */
  body?: object;
  /** where replies come; each action's own topic unless told */
  replyFilters?: string[];
  /** how many requests may be open at a time; 64 unless told */
  inFlight?: number;
  /** what closes a request; with `acknowledged` they pile up at an external broker while the service is away */
  openUntil?: 'answered' | 'acknowledged';
  /** how long an acknowledged request may be without an answer until it is sent again; milliseconds, never unless told */
  patienceMs?: number;
}

/** Sends requests at QoS 1, each with a value of its own, and writes down what becomes of them. One per client id. */
export class LedgerClient {
  private readonly sent = new Map<string, { request: LedgerRequest; payload: string }>();
  private readonly unfinished = new Set<LedgerRequest>();
  private readonly open = new Set<LedgerRequest>();
  private readonly waiting: (() => void)[] = [];
  private settled: () => void = () => {};
  private readonly timer?: NodeJS.Timeout;

  private constructor(
    private readonly ledger: Ledger,
    private readonly options: LedgerClientOptions,
    readonly id: string,
    readonly mqtt: MqttClient,
  ) {
    mqtt.on('message', (_topic, payload) => this.keep(payload.toString()));
    const { patienceMs } = options;
    if (patienceMs) this.timer = setInterval(() => this.askAgain(patienceMs), patienceMs);
  }

  /** @param clientId the user's name where the broker takes that for the client id */
  static async connect(
    url: string,
    ledger: Ledger,
    clientId: string,
    options: LedgerClientOptions = {},
  ): Promise<LedgerClient> {
    const client = new LedgerClient(ledger, options, clientId, openSession(url, clientId, options));
    const actions = ['command/update', 'command/insert', ''];
    const { replyFilters = actions.map((action) => `dh/response/${action}@${clientId}`) } = options;
    await subscribed(client.mqtt, replyFilters);
    return client;
  }

  /** Resolves when the request is on its way, and waits before that while too many are open. */
  update(deviceId: string, commandId: number, fields: readonly Field[]): Promise<LedgerRequest> {
    const about = { action: 'command/update' as const, deviceId, commandId, fields };
    return this.send(about, (value) => ({ deviceId, commandId, command: valuesIn(fields, value) }));
  }

  /** An update that is right but for one field, and so is to change nothing. */
  invalidUpdate(deviceId: string, commandId: number): Promise<LedgerRequest> {
    const about = { action: 'command/update' as const, deviceId, commandId, fields: FIELDS, isInvalid: true };
    return this.send(about, (value) => {
      return { deviceId, commandId, command: { ...valuesIn(FIELDS, value), lifetime: 'long' } };
    });
  }

  /** Makes a command whose name and first values are the request's. */
  insert(deviceId: string): Promise<LedgerRequest> {
    const about = { action: 'command/insert' as const, deviceId, fields: FIELDS };
    return this.send(about, (value) => ({
      deviceId,
      command: { command: value, ...valuesIn(FIELDS, value) },
    }));
  }

  /**
   * Sends again, under the same `requestId`, what the broker has taken and nobody has answered: the way out for a
   * client whose connection broke between PUBACK and reply. What was not taken the library sends again by itself.
   * @param patienceMs for what the broker has taken this long ago
   * @returns how many there were
   */
  askAgain(patienceMs = 0): number {
    const since = now() - patienceMs;
    const lost = [...this.unfinished].filter(({ acknowledgedAt = Infinity }) => acknowledgedAt <= since);
    for (const request of lost) {
      request.isAskedAgain = true;
      this.publish(request);
    }
    return lost.length;
  }

  /** Resolves once all is acknowledged and answered, or after a time: what is missing then the checker tells. */
  async settle(withinMs = 30_000): Promise<void> {
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
    clearInterval(this.timer);
    await this.mqtt.endAsync(true);
  }

  private async send(
    about: Pick<LedgerRequest, 'action' | 'deviceId' | 'commandId' | 'fields' | 'isInvalid'>,
    bodyOf: (value: string) => object,
  ): Promise<LedgerRequest> {
    const { inFlight = 64, body } = this.options;
    while (this.open.size >= inFlight) await new Promise<void>((resolve) => this.waiting.push(resolve));
    const number = this.sent.size + 1;
    const [requestId, value] = [`${this.id}/${number}`, `${this.id}-${number}`];
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
    const { requestId, status, code, error, command } = JSON.parse(text) as Record<string, any>;
    const request = this.sent.get(requestId)?.request;
    if (!request) {
      this.ledger.strays.push(`${this.id}: ${text}`);
      return;
    }
    request.answers.push({ at: now(), status, code, error, commandId: command?.id, text });
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
  /** the last version of each command */
  private readonly last = new Map<number, string>();

  private constructor(
    ledger: Ledger,
    readonly id: string,
    readonly mqtt: MqttClient,
  ) {
    mqtt.on('message', (_topic, payload) => {
      const { command: content } = JSON.parse(payload.toString()) as { command: Content };
      ledger.events.push({ watcher: this.id, at: now(), content });
      const { id: commandId, lastUpdated } = content;
      if (lastUpdated > (this.last.get(commandId) ?? '')) this.last.set(commandId, lastUpdated);
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

  /** Resolves once it has seen the last version of each command that has one, or after a time. */
  async caughtUp(rows: readonly Content[], withinMs = 5_000): Promise<void> {
    const written = rows.filter((row) => FIELDS.some((field) => row[field] !== null));
    const isBehind = () => written.some(({ id, lastUpdated }) => this.last.get(id) !== lastUpdated);
    if (!isBehind()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.mqtt.on('message', () => {
        if (isBehind()) return;
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async end(): Promise<void> {
    await this.mqtt.endAsync(true);
  }
}

function valuesIn(fields: readonly Field[], value: string): object {
  return Object.fromEntries(fields.map((field) => [field, field === 'status' ? value : { by: value }]));
}
