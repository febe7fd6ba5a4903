import { setTimeout as delay } from 'node:timers/promises';
import type { AccessToken } from './access-token.js';
import { codeOf, ConnectionLost } from './client-error.js';
import { timerOf } from './client-options.js';
import type { Connection } from './connection.js';
import type { Requests } from './requests.js';

const RETRY_MS = 1_000;
/** Timers may end a millisecond early by the clock, and the token would be the old one still. */
const TIMER_SLACK_MS = 5;
/** Not sent, or no reply: the supplier asks the service, too. */
const TRANSIENT = new Set([503, 504]);

/**
 * What lets the connection subscribe to events on the built-in broker: it authenticates, and again before the token
 * expires. Requests do not need it, and other brokers do not have it.
 */
export class Session {
  /** a subscription was refused without it */
  isNeeded = false;
  /** how many have ended */
  private connections = 0;
  private opened?: Promise<void>;
  private renewal?: NodeJS.Timeout;

  /** @param failed the session cannot go on */
  constructor(
    connection: Connection,
    private readonly requests: Requests,
    private readonly tokens: AccessToken,
    private readonly failed: (error: unknown) => void,
  ) {
    connection.mqtt.on('close', () => {
      this.connections++;
      this.opened = undefined;
      clearTimeout(this.renewal);
    });
  }

  /**
   * Once for each connection.
   * @throws {RpcException} 401, and 501 on other brokers
   * @throws {ConnectionLost}
   */
  open(): Promise<void> {
    return this.opened ?? this.begin();
  }

  private async authenticate(): Promise<void> {
    const { connections } = this;
    for (let isSecond = false; ;) {
      let token: string | undefined;
      try {
        token = await this.tokens.renewed();
        const { renewAt } = this.tokens;
        if (connections !== this.connections) throw new ConnectionLost();
        // While the service's database is away the reply is late, so there is no timeout.
        await this.requests.ask('authenticate', { token });
        return this.renewFrom(renewAt);
      } catch (error) {
        const code = codeOf(error);
        if (connections !== this.connections) throw new ConnectionLost();
        if (code !== undefined && TRANSIENT.has(code)) await delay(RETRY_MS, undefined, { ref: false });
        else if (code !== 401 || token === undefined || isSecond || !this.tokens.refuse(token)) throw error;
        else isSecond = true;
      }
    }
  }

  private renewFrom(time: number): void {
    const left = timerOf(Math.max(time - Date.now() + TIMER_SLACK_MS, RETRY_MS));
    clearTimeout(this.renewal);
    this.renewal = setTimeout(() => this.renew(), left).unref();
  }

  private renew(): void {
    this.begin().catch((error: unknown) => {
      // The next connection begins anew.
      if (!(error instanceof ConnectionLost)) this.failed(error);
    });
  }

  private begin(): Promise<void> {
    const opened = this.authenticate();
    this.opened = opened;
    opened.catch(() => {
      if (this.opened === opened) this.opened = undefined;
    });
    return opened;
  }
}
