import { DataSource } from 'typeorm';
import { checkLedger, type CheckOptions, type FinalRow } from './ledger-check.js';
import { LedgerClient, type LedgerClientOptions, Watcher } from './ledger-client.js';
import { Ledger } from './ledger.js';
import type { Mosquitto } from './mosquitto.js';
import { SAMPLE_DEVICE } from './service.js';
import { signToken } from './token.js';

const COMMANDS = 16;
/** Every so many requests one is an insert. */
const INSERT_EVERY = 5;

/** Clients of one broker that keep a ledger, a watcher, and a look into the database at the end. */
export class LedgerRun {
  readonly ledger = new Ledger();
  private readonly clients: LedgerClient[] = [];
  private watcher!: Watcher;
  private readonly commandIds: number[] = [];

  private constructor(private readonly database: DataSource) {}

  /**
   * @param names users of the broker, one client each
   * @param watcher a user who may see all events
   */
  static async start(
    broker: Mosquitto,
    databaseUrl: string,
    names: string[],
    watcher: string,
    options: LedgerClientOptions = {},
  ): Promise<LedgerRun> {
    const run = new LedgerRun(await new DataSource({ type: 'postgres', url: databaseUrl }).initialize());
    const rows: { id: string }[] = await run.database.query(
      `INSERT INTO device_command (device, command, timestamp, last_updated)
       SELECT id, 'updated', now(), now() FROM device, generate_series(1, $2) WHERE device_id = $1 RETURNING id`,
      [SAMPLE_DEVICE, COMMANDS],
    );
    run.commandIds.push(...rows.map(({ id }) => Number(id)));
    const { username, password } = broker.login(watcher);
    run.watcher = await Watcher.connect(broker.url, run.ledger, watcher, { username, password });
    for (const name of names) {
      const login = broker.login(name);
      run.clients.push(
        await LedgerClient.connect(broker.url, run.ledger, name, {
          ...login,
          protocolVersion: run.clients.length % 2 === 0 ? 5 : 4,
          requestTopic: `dh/request/${name}`,
          body: { token: signToken() },
          ...options,
        }),
      );
    }
    return run;
  }

  get answered(): number {
    return this.ledger.requests.filter(({ answers }) => answers.length > 0).length;
  }

  /** Sends that many requests, spread over the clients; resolves when the last one is on its way. */
  async send(count: number): Promise<void> {
    await Promise.all(
      this.clients.map(async (client, c) => {
        for (let i = c; i < count; i += this.clients.length) {
          if (i % INSERT_EVERY === 0) await client.insert(SAMPLE_DEVICE);
          else await client.update(SAMPLE_DEVICE, this.commandIds[i % COMMANDS]!);
        }
      }),
    );
  }

  /** Waits until everything is answered and returns what the history violates. */
  async check(options: CheckOptions): Promise<string[]> {
    await Promise.all(this.clients.map((client) => client.settle()));
    const rows: FinalRow[] = await this.database.query(
      'SELECT id, command, status, last_updated FROM device_command',
    );
    return checkLedger(this.ledger, rows, options);
  }

  async end(): Promise<void> {
    await Promise.all([...this.clients, this.watcher].map((client) => client.end()));
    await this.database.destroy();
  }
}
