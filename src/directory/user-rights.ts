import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type QueryRunner } from 'typeorm';
import { DATA_SOURCE } from '../database/data-source.name.js';
import type { UserRights } from './access-scope.js';

/** Revocation takes effect within a second. */
const MAX_AGE_MS = 900;
/** However little seems to have changed: triggers can be switched off. */
const READ_ANYWAY_MS = 10_000;
const RETRY_MS = 200;

/** Changes with each commit that changes rights. */
const READ_CHANGE = 'SELECT transaction FROM rights_change';
const UNDEFINED_TABLE = '42P01';

const READ_RIGHTS = `
  SELECT u.id, u.generation,
         CASE WHEN u.role = 0 THEN NULL ELSE ARRAY(
           SELECT network_id FROM user_network WHERE user_id = u.id) END AS networks,
         CASE WHEN u.role = 0 OR u.all_device_types_available THEN NULL ELSE ARRAY(
           SELECT device_type_id FROM user_device_type WHERE user_id = u.id) END AS types
    FROM dh_user u WHERE u.status = 0 AND u.id = ANY ($1)`;

interface RightsRow {
  id: string;
  generation: number;
  networks: string[] | null;
  types: string[] | null;
}

interface Watching {
  /** how many connections, sessions and subscriptions watch on the user's behalf */
  count: number;
  /** the user's place among all who began to watch, from 1 */
  arrival: number;
}

/**
 * The rights of the users who watch events, at most a second old. Requests do not need it, their rights are part of
 * their statement; the broker does, which decides on every event for every watcher. They are read again if any were
 * changed, and otherwise only those of users who have begun to watch.
 */
@Injectable()
export class UserRightsCache {
  private readonly logger = new Logger(UserRightsCache.name);
  private readonly watchers = new Map<number, Watching>();
  /** of users who began to watch, ever */
  private arrivals = 0;
  private rights = new Map<number, UserRights>();
  /** since when `rights` may be out of date, and of how many of the arrivals they are */
  private known = { at: -Infinity, arrivals: 0 };
  /** when those of everybody were read, and the change that had been the last one before */
  private whole: { at: number; change?: string } = { at: -Infinity };
  private reading?: Promise<void>;
  private isFailing = false;

  constructor(@InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource) {}

  /** From now on the user's rights are read too, until as many `unwatch` have followed. */
  watch(userId: number): void {
    const watching = this.watchers.get(userId);
    if (watching) watching.count++;
    else this.watchers.set(userId, { count: 1, arrival: ++this.arrivals });
  }

  unwatch(userId: number): void {
    const watching = this.watchers.get(userId)!;
    if (--watching.count > 0) return;
    this.watchers.delete(userId);
    this.rights.delete(userId);
  }

  /** @returns `undefined` for a user who is unknown, not active, or was not watching when they were read */
  of(userId: number): UserRights | undefined {
    return this.rights.get(userId);
  }

  /** Whether the rights of a user who watches, or else of everybody who does, are known, and at most a second old. */
  isFresh(userId?: number): boolean {
    const watching = userId === undefined ? undefined : this.watchers.get(userId);
    return this.isKnown(watching?.arrival ?? this.arrivals);
  }

  /**
   * Resolves when those of everybody are who watches by now; who comes later does not prolong it. What was read from
   * now on is good, however long that took. While the database is away it waits: rather a late event than one to
   * somebody who lost the right to it. Once the database is closed it never resolves, and keeps no process alive.
   */
  async refresh(): Promise<void> {
    const { arrivals } = this;
    const from = performance.now();
    const isReadSince = () => this.known.at >= from && arrivals <= this.known.arrivals;
    while (!this.isKnown(arrivals) && !isReadSince()) {
      if (!this.dataSource.isInitialized) return new Promise(() => {});
      this.reading ??= this.read().finally(() => (this.reading = undefined));
      await this.reading;
    }
  }

  private isKnown(arrival: number): boolean {
    return arrival <= this.known.arrivals && performance.now() - this.known.at <= MAX_AGE_MS;
  }

  private async read(): Promise<void> {
    const runner = this.dataSource.createQueryRunner();
    try {
      // What is read counts from here: behind a busy pool it would be old when it comes, each time.
      await runner.connect();
      const at = performance.now();
      // Before the rights: what changes in between is seen the next time.
      const change = await lastChange(runner);
      const { arrivals } = this;
      const isOld = at - this.whole.at >= READ_ANYWAY_MS;
      if (change === undefined || change !== this.whole.change || isOld) {
        this.rights = await rightsOf(runner, [...this.watchers.keys()]);
        this.whole = { at, change };
      } else {
        for (const [userId, rights] of await rightsOf(runner, this.watchersSince(this.known.arrivals)))
          this.rights.set(userId, rights);
      }
      this.known = { at, arrivals };
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing)
        this.logger.error('Events wait: the rights of their watchers cannot be read', error);
      this.isFailing = true;
      await delay(RETRY_MS);
    } finally {
      await runner.release().catch(() => undefined);
    }
  }

  private watchersSince(arrivals: number): number[] {
    if (arrivals === this.arrivals) return [];
    return [...this.watchers].flatMap(([userId, { arrival }]) => (arrival > arrivals ? userId : []));
  }
}

/** @returns `undefined` if the schema has no such table, so that nothing is known of changes */
async function lastChange(runner: QueryRunner): Promise<string | undefined> {
  try {
    const [row] = (await runner.query(READ_CHANGE)) as { transaction: string }[];
    return row?.transaction;
  } catch (error) {
    if ((error as { code?: string }).code === UNDEFINED_TABLE) return undefined;
    throw error;
  }
}

async function rightsOf(runner: QueryRunner, userIds: number[]): Promise<Map<number, UserRights>> {
  if (userIds.length === 0) return new Map();
  const rows = (await runner.query(READ_RIGHTS, [userIds])) as RightsRow[];
  return new Map(
    rows.map((row) => [
      Number(row.id),
      {
        networkIds: row.networks?.map(Number) ?? null,
        deviceTypeIds: row.types?.map(Number) ?? null,
        generation: row.generation,
      },
    ]),
  );
}
