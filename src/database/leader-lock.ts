import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { Superseded } from '../protocol/action-error.js';
import { DatabaseClient } from './database-client.js';
import { Leadership } from './leadership.js';
import { sessionsOf } from './write-pool.js';

/** How often a standby asks for the lock. */
const POLL_MS = 250;
/** How often the leader shows that it is alive. */
const BEAT_MS = 400;
/** A leader that shows no life for so long is paused or cut off, and is replaced. */
const LEASE_MS = 2_000;
const RETRY_MS = 1_000;
/** To connect, and for each answer: a standby that hears nothing tries on another connection. */
const CONNECT_MS = 3_000;

/** After giving the lock back; longer than a standby takes to ask for it. */
const YIELD_MS = 3 * POLL_MS;

/** Another name in `pg_stat_activity` than the pool's, for whoever looks at the connections. */
const APPLICATION = 'nest-devicehive leader';

// The 64 bits of an advisory lock's key are in two columns of pg_locks.
const HOLDER = `
  SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
   WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()
     AND (l.classid::bigint << 32) | l.objid::bigint = $1::bigint`;
/** The leader's session runs a statement every BEAT_MS, so the time of its last one tells whether it lives. */
const UNSEAT = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
   WHERE pid IN (${HOLDER}) AND state_change < clock_timestamp() - make_interval(secs => ${LEASE_MS / 1_000})`;
/** Waits for the statements of the leader before, which hold the row. */
const NEXT_EPOCH = `
  INSERT INTO leadership AS l (name, epoch) VALUES ($1, 1)
  ON CONFLICT (name) DO UPDATE SET epoch = l.epoch + 1 RETURNING epoch`;
/** Sessions of others that lead or wait, on this database; for another broker too, which does no harm. */
const RIVALS = `
  SELECT FROM pg_stat_activity
   WHERE application_name = $1 AND datname = current_database() AND pid <> $2`;
const END_BLOCKERS = 'SELECT pg_terminate_backend(pid) FROM unnest(pg_blocking_pids($1)) pid';

/**
 * Leadership by an advisory lock of PostgreSQL, held by a connection of its own: it needs a direct connection, or
 * a pooler in session mode. A killed process loses it at once, a paused one after LEASE_MS; what that one still has
 * in work when it goes on is kept out by the epoch (`write-fence.ts`).
 */
export class LeaderLock extends Leadership {
  private readonly logger = new Logger('Leader');
  private readonly key: bigint;
  private client?: DatabaseClient;
  private onLost: Promise<void> = Promise.resolve();
  private epoch?: string;
  private isResigned = false;
  private said = '';

  /** @param name the same for all replicas, and for them only: broker and client id */
  constructor(
    private readonly url: string,
    private readonly name: string,
    private readonly pool: DataSource,
  ) {
    super();
    this.key = createHash('sha256').update(name).digest().readBigInt64BE();
  }

  override get term(): { name: string; epoch: string } {
    if (this.epoch === undefined) throw new Superseded();
    return { name: this.name, epoch: this.epoch };
  }

  override async win(onWait: () => void): Promise<boolean> {
    while (!this.isResigned) {
      try {
        if (await this.campaign(onWait)) return true;
      } catch (error) {
        this.say(`Cannot ask who leads: ${(error as Error).message}`);
        await delay(RETRY_MS, undefined, { ref: false });
      }
    }
    return false;
  }

  override lost(): Promise<void> {
    return this.onLost;
  }

  override async hasRival(): Promise<boolean> {
    const rows = await this.pool
      .query<object[]>(RIVALS, [APPLICATION, this.client?.backendId ?? 0])
      .catch(() => []);
    return rows.length > 0;
  }

  override async yield(): Promise<void> {
    this.epoch = undefined;
    await this.disconnect();
    await delay(YIELD_MS, undefined, { ref: false });
  }

  override async resign(): Promise<void> {
    this.isResigned = true;
    this.epoch = undefined;
    await this.disconnect();
  }

  /** A connection that is cut off silently may not end for long. */
  private async disconnect(): Promise<void> {
    const ended = this.client?.end().catch(() => undefined);
    await Promise.race([ended, delay(RETRY_MS, undefined, { ref: false })]);
  }

  private async campaign(onWait: () => void): Promise<boolean> {
    const client = new DatabaseClient({
      connectionString: this.url,
      application_name: APPLICATION,
      connectionTimeoutMillis: CONNECT_MS,
      // One that hangs is given up: this process leads on a connection that works, or not at all.
      query_timeout: CONNECT_MS,
      keepAlive: true,
      sessions: sessionsOf(this.pool),
    });
    this.client = client;
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    try {
      await client.connect();
      while (!(await this.tryLock(client))) {
        this.say('Stands by: another replica leads');
        onWait();
        await client.query(UNSEAT, [this.key]);
        await Promise.race([delay(POLL_MS), ended]);
      }
      this.epoch = await this.nextEpoch(client);
    } catch (error) {
      await this.disconnect();
      throw error;
    }
    this.say(`Leads, epoch ${this.epoch}`);
    this.onLost = Promise.race([ended, this.beat(client)]).then(() => this.lose(client));
    return true;
  }

  private async tryLock(client: DatabaseClient): Promise<boolean> {
    const { rows } = await client.query<{ won: boolean }>('SELECT pg_try_advisory_lock($1) AS won', [
      this.key,
    ]);
    return rows[0]!.won;
  }

  /** What the leader before has in work is ended where it does not end by itself: it is done again by this one. */
  private async nextEpoch(client: DatabaseClient): Promise<string> {
    const timer = setInterval(() => {
      this.pool.query(END_BLOCKERS, [client.backendId]).catch(() => undefined);
    }, POLL_MS);
    try {
      return (await client.query<{ epoch: string }>(NEXT_EPOCH, [this.name])).rows[0]!.epoch;
    } finally {
      clearInterval(timer);
    }
  }

  /** Resolves when the database does not answer in time: a standby may have ended this connection by then. */
  private async beat(client: DatabaseClient): Promise<void> {
    const late = () => delay(LEASE_MS, false, { ref: false });
    try {
      do await delay(BEAT_MS, undefined, { ref: false });
      while (await Promise.race([client.query('SELECT').then(() => true), late()]));
    } catch {
      // Its end says the same.
    }
  }

  private async lose(client: DatabaseClient): Promise<void> {
    // The end of a connection says nothing about the term that another one has begun since.
    if (client !== this.client) return;
    this.epoch = undefined;
    this.say('Does not lead any more');
    await this.disconnect();
  }

  /** Once, and not at each attempt. */
  private say(text: string): void {
    if (text !== this.said && !this.isResigned) this.logger.log(text);
    this.said = text;
  }
}
