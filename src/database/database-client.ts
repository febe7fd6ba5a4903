import { Client, type ClientConfig } from 'pg';
import { ReadOnlyDatabase } from './read-only-database.js';
import type { Bound, Sessions } from './sessions.js';

export interface DatabaseClientConfig extends ClientConfig {
  /** what its session is made ready by; absent for the embedded database, whose defaults are known */
  sessions?: Sessions;
}

const END_SESSION = 'SELECT pg_terminate_backend(pg_backend_pid())';

/**
 * A connection whose end its statements tell. It is an `error` event, too, which ends the process where nobody
 * listens: as when PostgreSQL ends a connection in the packet that opens it, before the pool and TypeORM do.
 */
export class DatabaseClient extends Client {
  /** when its session was ready; milliseconds of `performance.now()` */
  openedAt = -Infinity;
  /** of what runs in its session */
  bound: Bound = 'usual';
  private readonly sessions?: Sessions;
  private backend?: number;

  constructor(config?: string | DatabaseClientConfig) {
    super(config);
    if (typeof config === 'object') this.sessions = config.sessions;
    this.on('error', () => undefined);
  }

  /** The id of its process on the server. A pooler invents the one that the connection itself tells. */
  get backendId(): number {
    return this.backend ?? this.toldId;
  }

  /** Whether a pooler stands between, which keeps the server's session when this connection ends. */
  get isPooled(): boolean {
    return this.backendId !== this.toldId;
  }

  /**
   * Connects, with the settings that the service relies on.
   * @throws {ReadOnlyDatabase} where the session cannot write
   */
  override connect(): Promise<this>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): Promise<this> | void {
    const open = () => this.open();
    const connecting = this.sessions ? this.sessions.probe.run(open) : open();
    if (!callback) return connecting;
    connecting.then(() => (callback as () => void)(), callback);
  }

  /** Bounds what runs from now on. PGlite runs no timers, and has nobody to wait for. */
  async keepTo(bound: Bound): Promise<void> {
    if (this.sessions) await this.query(this.sessions.boundsFor(bound));
    this.bound = bound;
  }

  /** Ends the server's session, too: a pooler would keep it for whoever connects next. */
  async discard(): Promise<void> {
    if (this.isPooled) await this.query(END_SESSION).catch(() => undefined);
    await this.end();
  }

  private async open(): Promise<this> {
    await super.connect();
    try {
      const session = await this.sessions?.makeReady(this);
      this.backend = session?.backend;
      if (session?.is_read_only) throw new ReadOnlyDatabase();
    } catch (error) {
      await this.discard();
      throw error;
    }
    this.openedAt = performance.now();
    return this;
  }

  private get toldId(): number {
    return (this as unknown as { processID: number }).processID;
  }
}
