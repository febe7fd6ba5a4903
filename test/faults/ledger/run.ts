import { DataSource } from 'typeorm';
import { SAMPLE_DEVICE } from '../../support/service.js';
import { checkLedger, type CheckOptions, checkUnanswered } from './check.js';
import { LedgerClient, type LedgerClientOptions, Watcher } from './client.js';
import { figuresOf } from './figures.js';
import { type Field, Ledger, now } from './ledger.js';
import { readRows } from './rows.js';
import type { Site } from './site.js';

/** Written at the same time, and then others: a command remembers 256 requests, and what has no answer is asked again late. */
const AT_A_TIME = 16;
const ROUNDS_EACH = 512;
const COMMANDS = 8 * AT_A_TIME;
/** Every so many requests one is an insert, and one is refused. */
const INSERT_EVERY = 5;
const INVALID_EVERY = 23;
/** Requests write some fields and leave the others as they are. */
const WRITTEN: readonly (readonly Field[])[] = [
  ['status'],
  ['result'],
  ['status', 'result'],
  ['status', 'result', 'parameters'],
  ['parameters'],
];

/** Clients that keep a ledger, a watcher that sees all, and a look into the database at the end. */
export class LedgerRun {
  readonly ledger = new Ledger();
  readonly clients: LedgerClient[] = [];
  readonly commandIds: number[] = [];
  private readonly watchers: Watcher[] = [];
  private sent = 0;

  private constructor(
    readonly site: Site,
    readonly database: DataSource,
  ) {}

  static async start(site: Site, databaseUrl: string): Promise<LedgerRun> {
    const run = new LedgerRun(
      site,
      await new DataSource({ type: 'postgres', url: databaseUrl }).initialize(),
    );
    const rows: { id: string }[] = await run.database.query(
      `INSERT INTO device_command (device, command, timestamp, last_updated)
       SELECT id, 'updated', now(), now() FROM device, generate_series(1, $2) WHERE device_id = $1 RETURNING id`,
      [SAMPLE_DEVICE, COMMANDS],
    );
    run.commandIds.push(...rows.map(({ id }) => Number(id)));
    return run;
  }

  /**
   * @param names one client each
   * @param options on top of the site's
   */
  async connect(names: string[], options: LedgerClientOptions = {}): Promise<LedgerClient[]> {
    const { url, protocolVersions } = this.site;
    const connected: LedgerClient[] = [];
    for (const [i, name] of names.entries()) {
      const protocolVersion = protocolVersions[i % protocolVersions.length]!;
      const all: LedgerClientOptions = { ...this.site.options(name), protocolVersion, ...options };
      connected.push(await LedgerClient.connect(url, this.ledger, name, all));
    }
    this.clients.push(...connected);
    return connected;
  }

  /** The first one is to see all. */
  async watch(name: string): Promise<void> {
    const { body: _, requestTopic: __, replyFilters: ___, ...login } = this.site.options(name);
    this.watchers.push(await Watcher.connect(this.site.url, this.ledger, name, login));
  }

  get answered(): number {
    return this.ledger.requests.filter(({ answers }) => answers.length > 0).length;
  }

  /** Sends that many requests, spread over the clients; resolves when the last one is on its way. */
  async send(count: number): Promise<void> {
    const from = this.sent;
    this.sent += count;
    await Promise.all(
      this.clients.map(async (client, c) => {
        for (let i = from + c; i < from + count; i += this.clients.length) await this.sendOne(client, i);
      }),
    );
  }

  private async sendOne(client: LedgerClient, i: number): Promise<void> {
    // Each command is written by all clients, at about the same time.
    const n = Math.floor(i / this.clients.length);
    const first = Math.floor(n / ROUNDS_EACH) * AT_A_TIME;
    const commandId = this.commandIds[(first + (n % AT_A_TIME)) % COMMANDS]!;
    if (i % INVALID_EVERY === 0) await client.invalidUpdate(SAMPLE_DEVICE, commandId);
    else if (i % INSERT_EVERY === 0) await client.insert(SAMPLE_DEVICE);
    else await client.update(SAMPLE_DEVICE, commandId, WRITTEN[n % WRITTEN.length]!);
  }

  /** Breaks something and mends it, and writes down when. */
  async during<T>(fault: () => Promise<T>): Promise<T> {
    const from = now();
    try {
      return await fault();
    } finally {
      this.ledger.faults.push({ from, to: now() });
    }
  }

  /** Waits until everything is answered, but not for ever, and returns what the history violates. */
  async check(options: CheckOptions = {}, withinMs?: number): Promise<string[]> {
    await this.settle(withinMs);
    const lost = checkUnanswered(this.ledger, await readRows(this.database), options);
    const asked = this.clients.map((client) => client.askAgain());
    if (asked.some(Boolean)) await this.settle(withinMs);
    const rows = await readRows(this.database);
    const { acknowledgesCommits } = this.site;
    const [witness] = this.watchers;
    await witness!.caughtUp(rows);
    const witnesses = [witness!.id];
    const found = checkLedger(this.ledger, rows, { acknowledgesCommits, witnesses, ...options });
    return [...lost, ...found, ...(await this.checkDeadlocks())];
  }

  /** I13: batches never wait for each other. */
  private async checkDeadlocks(): Promise<string[]> {
    const [{ deadlocks }] = await this.database.query(
      'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
    );
    return deadlocks === 0 ? [] : [`I13 ${deadlocks} transactions were dead-locked`];
  }

  get figures(): string {
    return figuresOf(this.ledger);
  }

  async end(): Promise<void> {
    await Promise.all([...this.clients, ...this.watchers].map((client) => client.end()));
    await this.database.destroy();
  }

  private async settle(withinMs?: number): Promise<void> {
    await Promise.all(this.clients.map((client) => client.settle(withinMs)));
  }
}
