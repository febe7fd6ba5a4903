import type { RpcException } from '@nestjs/microservices';
import { type ConnectionLost, failure, REFUSED, textOf } from './client-error.js';

export type Outcome = { reply: object } | { error: RpcException | ConnectionLost };

export interface CallOptions {
  /** the PUBACK is enough */
  isEmit?: boolean;
  /** milliseconds; without it the call ends with the connection at the latest */
  timeout?: number;
}

/** The actions by which one gets a token: they carry none, and wait for nobody who waits for one. */
const WITHOUT_TOKEN = new Set(['token', 'token/refresh']);

/** One request, from its first step to its outcome. */
export class Call {
  readonly isUrgent: boolean;
  readonly needsToken: boolean;
  waitsForToken = false;
  /** it was published at least once, and may have been executed */
  wasSent = false;
  /** of the last attempt */
  token?: string;
  /** a second token has been tried */
  isSecondToken = false;
  private timer?: NodeJS.Timeout;

  /**
   * @param key the JSON text of the requestId
   * @param text the request, without its token
   * @param hasOwnToken whether the text has one all the same, the caller's
   */
  constructor(
    readonly action: string,
    readonly key: string,
    private readonly text: string,
    hasOwnToken: boolean,
    readonly options: CallOptions,
    readonly settle: (outcome: Outcome) => void,
  ) {
    this.isUrgent = WITHOUT_TOKEN.has(action);
    this.needsToken = !this.isUrgent && !hasOwnToken;
  }

  get endsWithConnection(): boolean {
    return this.options.timeout === undefined;
  }

  /** @param problem tells why there is no connection; `undefined` where there is one */
  startTimer(problem: () => string | undefined): void {
    const { timeout } = this.options;
    if (timeout === undefined) return;
    this.timer = setTimeout(() => this.settle({ error: this.timedOut(problem()) }), timeout);
  }

  stopTimer(): void {
    clearTimeout(this.timer);
  }

  /** @returns the request as it is published */
  payload(): string {
    if (this.token === undefined) return this.text;
    return `${this.text.slice(0, -1)},"token":${JSON.stringify(this.token)}}`;
  }

  closed(): RpcException {
    const state = this.wasSent ? 'it may have been executed' : 'it was not sent';
    return failure(499, `The client is closed, ${this.action} has no reply: ${state}`);
  }

  /** @returns what the end of its PUBLISH without success means */
  refused(error: Error & { code?: unknown }): RpcException {
    const isRefused = typeof error.code === 'number' && error.code >= REFUSED;
    if (isRefused) return failure(403, `The broker refuses ${this.action}: ${error.message}`, error);
    return failure(503, textOf(error), error);
  }

  private timedOut(problem: string | undefined): RpcException {
    const within = `within ${this.options.timeout} ms`;
    const away = problem === undefined ? '' : `: no connection, ${problem}`;
    if (this.wasSent)
      return failure(504, `No reply to ${this.action} ${within}, it may have been executed${away}`);
    const why = this.waitsForToken
      ? ': the token supplier does not answer'
      : away || ': the broker has not acknowledged what came before';
    return failure(503, `${this.action} could not be sent ${within}${why}`);
  }
}
