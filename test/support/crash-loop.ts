import type { Message, TestClient } from './client.js';
import type { ServiceProcess } from './process.js';
import { SAMPLE_DEVICE } from './service.js';
import { signToken } from './token.js';

/** The service with the action `test/crash`, which ends its process in the way that `how` names. */
export const CRASHING_SERVICE = ['node', 'test/fixtures/crashing-service.js'];
/** What becomes of the requests of `client`. */
export const crashOutcome = (client: string): object => ({
  crash: [
    {
      topic: `dh/response/test/crash@${client}`,
      json: {
        action: 'test/crash',
        requestId: 'crash',
        status: 'error',
        code: 500,
        error: 'Internal server error',
      },
    },
  ],
  others: new Set(['success']),
  log: [
    `Not executed, it has crashed the process: "test/crash": 500 "Internal server error" (client "${client}", request "crash")`,
  ],
});
const INSERTS = 20;
/** More than any loop takes. */
const MAX_STARTS = 10;

/** Requests of one client: one that crashes the service, and inserts before and behind it. */
export class CrashLoop {
  private readonly inserts: string[] = [];
  private readonly published: Promise<unknown>[] = [];

  constructor(
    private readonly client: TestClient,
    private readonly requestTopic: string,
    how: 'exit' | 'kill' | 'throw',
  ) {
    this.insert();
    this.publish('crash', { action: 'test/crash', how });
    this.insert();
  }

  /** Rejects where one is not. */
  async acknowledged(): Promise<void> {
    await Promise.all(this.published);
  }

  /**
   * Starts the service, and again where it has ended, until each request is answered.
   * @returns the one that lives, and how many there were
   */
  async serve(start: () => ServiceProcess): Promise<{ service: ServiceProcess; starts: number }> {
    const answered = this.answered().then(() => false);
    for (let starts = 1; starts <= MAX_STARTS; starts++) {
      const service = start();
      const isCrashed = await Promise.race([answered, service.exit().then(() => true)]);
      if (!isCrashed) return { service, starts };
    }
    throw new Error(`The service has crashed ${MAX_STARTS} times`);
  }

  /** What became of the requests: the replies to the one that crashes, the others' outcomes, and lines of the log. */
  outcome({ output }: ServiceProcess): { crash: object[]; others: Set<unknown>; log: string[] } {
    const others = this.inserts.flatMap((id) => this.repliesTo(id).map(({ json }) => json.status as unknown));
    const lines = output.split('\n').filter((line) => line.includes('test/crash'));
    return {
      crash: this.repliesTo('crash'),
      others: new Set(others),
      log: lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    };
  }

  private answered(): Promise<void> {
    return new Promise((resolve) => {
      this.client.mqtt.on('message', () => {
        if (['crash', ...this.inserts].every((id) => this.repliesTo(id).length > 0)) resolve();
      });
    });
  }

  private repliesTo(requestId: string): Pick<Message, 'topic' | 'json'>[] {
    const replies = this.client.messages.filter(({ json }) => json.requestId === requestId);
    return replies.map(({ topic, json }) => ({ topic, json }));
  }

  private insert(): void {
    for (let i = 0; i < INSERTS; i++) {
      const requestId = `insert ${this.inserts.length}`;
      const command = { command: requestId };
      this.publish(requestId, { action: 'command/insert', deviceId: SAMPLE_DEVICE, command });
      this.inserts.push(requestId);
    }
  }

  private publish(requestId: string, body: object): void {
    const payload = JSON.stringify({ requestId, token: signToken(), ...body });
    this.published.push(this.client.mqtt.publishAsync(this.requestTopic, payload, { qos: 1 }));
  }
}
