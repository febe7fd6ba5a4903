import { codeOf, failure, textOf } from './client-error.js';

/** A token is renewed when a tenth of its time is left, a minute at most. */
const RENEWAL_SHARE = 0.1;
const MAX_AHEAD_MS = 60_000;
/** Between two attempts to renew it. */
const RETRY_MS = 1_000;

type Supply = () => string | Promise<string>;

/** The access token of the moment. */
export class AccessToken {
  private current?: { token: string; renewAt: number; expiresAt: number };
  private asked?: Promise<string>;

  /** @param patience milliseconds the supplier may take */
  constructor(
    private readonly source: string | Supply,
    private readonly patience: number,
  ) {}

  /** Epoch milliseconds from which on another one is asked for; `Infinity` where the token does not tell. */
  get renewAt(): number {
    return this.current?.renewAt ?? Infinity;
  }

  /**
   * A valid token, at once where there is one: it is renewed meanwhile.
   * @throws {RpcException} 401 where the supplier throws, gives no token or does not answer; its own where that is one of
   *   the client's
   */
  get(): Promise<string> {
    const renewed = this.renewed();
    if (!this.current || !this.isValid) return renewed;
    renewed.catch(() => {});
    return Promise.resolve(this.current.token);
  }

  /**
   * A token that is to be renewed later: the supplier is asked where there is none, and who comes meanwhile gets the same
   * answer. The old one where the supplier fails before it expires; it is to be asked again at `renewAt`.
   * @throws {RpcException} as `get`
   */
  renewed(): Promise<string> {
    if (this.current && (typeof this.source === 'string' || Date.now() < this.current.renewAt)) {
      return Promise.resolve(this.current.token);
    }
    this.asked ??= this.ask().finally(() => (this.asked = undefined));
    return this.asked;
  }

  /**
   * The service has answered 401 to a token.
   * @returns whether there may be another
   */
  refuse(token: string | undefined): boolean {
    if (typeof this.source === 'string') return false;
    if (this.current?.token === token) this.current = undefined;
    return true;
  }

  private get isValid(): boolean {
    return this.current !== undefined && Date.now() < this.current.expiresAt;
  }

  private async ask(): Promise<string> {
    const { source } = this;
    let token: string;
    try {
      token = typeof source === 'string' ? source : await this.supplied(source);
    } catch (error) {
      if (!this.current || !this.isValid) throw error;
      this.current.renewAt = Math.min(Date.now() + RETRY_MS, this.current.expiresAt);
      return this.current.token;
    }
    const told = expiryOf(token);
    // A token that is over when it comes is one of a clock that is ahead: the service says when it is.
    const expiresAt = told > Date.now() ? told : Infinity;
    const ahead =
      typeof source === 'string' ? 0 : Math.min((expiresAt - Date.now()) * RENEWAL_SHARE, MAX_AHEAD_MS);
    this.current = { token, expiresAt, renewAt: expiresAt - ahead };
    return token;
  }

  private async supplied(supply: Supply): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${this.patience} ms`)), this.patience);
    });
    try {
      // Not at once: a supplier that uses the client would come back here before anybody knows that it is asked.
      const token: unknown = await Promise.race([Promise.resolve().then(supply), late]);
      if (typeof token !== 'string' || token === '') throw new Error('it gave no token');
      return token;
    } catch (error) {
      // Of a supplier that asks the service.
      if (codeOf(error) !== undefined) throw error;
      throw failure(401, `The token supplier failed: ${textOf(error)}`, error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Epoch milliseconds: DeviceHive's `payload.e`, or `exp`. The service verifies the token, not its holder. */
function expiryOf(token: string): number {
  try {
    const body = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
      payload?: { e?: number };
      exp?: number;
    };
    return Number(body.payload?.e ?? (body.exp ?? NaN) * 1_000) || Infinity;
  } catch {
    return Infinity;
  }
}
