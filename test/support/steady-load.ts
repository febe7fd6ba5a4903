import { randomUUID } from 'node:crypto';
import { vi } from 'vitest';
import type { TestClient } from './client.js';
import { SAMPLE_DEVICE, type TestService } from './service.js';
import { signToken } from './token.js';

const PER_SECOND = 50;
/** For the last answers. */
const WAIT_MS = 20_000;

interface Sent {
  client: TestClient;
  requestId: string;
  /** of an insert its name, of an update its status */
  value: string;
  /** of an update */
  commandId?: number;
}

/**
 * Requests at QoS 1, fifty a second, of several clients in turn: each inserts, updates a command of its own, and reads it.
 * Nothing waits for an answer.
 */
export class SteadyLoad {
  private readonly sent: Sent[] = [];
  private readonly timer: NodeJS.Timeout;

  /** @param commandIds one for each client */
  constructor(
    private readonly clients: TestClient[],
    private readonly commandIds: number[],
  ) {
    this.timer = setInterval(() => this.send(), 1_000 / PER_SECOND);
  }

  get count(): number {
    return this.sent.length;
  }

  get answered(): number {
    return this.sent.filter((request) => this.answerTo(request)).length;
  }

  /** Of the requests that were sent from the `from`-th on, whether one is answered already. */
  hasAnsweredSince(from: number): boolean {
    return this.sent.slice(from).some((request) => this.answerTo(request));
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /**
   * Stops, and waits for the answers.
   * @returns what is wrong: answers that are no success, inserts that are not stored exactly once, and commands that do
   *   not have the last value that was sent for them
   */
  async mistakes(service: TestService): Promise<unknown[]> {
    this.stop();
    await vi.waitUntil(() => this.answered === this.count, { timeout: WAIT_MS });
    const refused = this.sent
      .map((request) => this.answerTo(request)!)
      .filter(({ status }) => status !== 'success');
    const names = this.sent.flatMap(({ value }) => (value.startsWith('insert/') ? [value] : []));
    const notOnce = await service.sql(
      `SELECT name, count(c.id)::int AS stored FROM unnest($1::text[]) name LEFT JOIN device_command c ON c.command = name
        GROUP BY name HAVING count(c.id) <> 1`,
      [names],
    );
    const last = new Map(
      this.sent.flatMap(({ commandId, value }) => (commandId ? [[commandId, value]] : [])),
    );
    const overwritten = await service.sql(
      `SELECT id, status, last FROM device_command JOIN unnest($1::bigint[], $2::text[]) l (id, last) USING (id)
        WHERE status IS DISTINCT FROM last`,
      [[...last.keys()], [...last.values()]],
    );
    return [...refused, ...notOnce, ...overwritten];
  }

  private answerTo({ client, requestId }: Sent): Record<string, unknown> | undefined {
    return client.messages.find(({ json }) => json.requestId === requestId)?.json;
  }

  private send(): void {
    const n = this.sent.length;
    const client = this.clients[n % this.clients.length]!;
    const commandId = this.commandIds[n % this.clients.length]!;
    const turn = Math.floor(n / this.clients.length) % 3;
    if (turn === 0)
      this.publish(client, 'command/insert', `insert/${n}`, { command: { command: `insert/${n}` } });
    else if (turn === 1) {
      const body = { commandId, command: { status: `update/${n}` } };
      this.publish(client, 'command/update', `update/${n}`, body, commandId);
    } else this.publish(client, 'command/get', 'get', { commandId });
  }

  private publish(client: TestClient, action: string, value: string, body: object, commandId?: number): void {
    const requestId = randomUUID();
    this.sent.push({ client, requestId, value, commandId });
    const request = { action, requestId, token: signToken(), deviceId: SAMPLE_DEVICE, ...body };
    client.publish(request);
  }
}
