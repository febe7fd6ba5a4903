import { Client, type ClientConfig } from 'pg';
import type { Sessions } from './sessions.js';

export interface DatabaseClientConfig extends ClientConfig {
  /** what its session is made ready by; absent for the embedded database, whose defaults are known */
  sessions?: Sessions;
}

/**
 * A connection whose end its statements tell. It is an `error` event, too, which ends the process where nobody
 * listens: as when PostgreSQL ends a connection in the packet that opens it, before the pool and TypeORM do.
 */
export class DatabaseClient extends Client {
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

  /** Connects, with the settings that the service relies on. */
  override connect(): Promise<void>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): Promise<void> | void {
    const connecting = this.open();
    if (!callback) return connecting;
    connecting.then(callback as () => void, callback);
  }

  private async open(): Promise<void> {
    await super.connect();
    try {
      this.backend = await this.sessions?.makeReady(this);
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  private get toldId(): number {
    return (this as unknown as { processID: number }).processID;
  }
}
