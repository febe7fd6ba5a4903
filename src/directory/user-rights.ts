import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import type { UserRights } from './access-scope.js';

/** Revocation takes effect within a second. */
const MAX_AGE_MS = 900;
const RETRY_MS = 200;

const READ_RIGHTS = `
  SELECT u.id,
         CASE WHEN u.role = 0 THEN NULL ELSE ARRAY(
           SELECT network_id FROM user_network WHERE user_id = u.id) END AS networks,
         CASE WHEN u.role = 0 OR u.all_device_types_available THEN NULL ELSE ARRAY(
           SELECT device_type_id FROM user_device_type WHERE user_id = u.id) END AS types
    FROM dh_user u WHERE u.status = 0 AND u.id = ANY ($1)`;

interface RightsRow {
  id: string;
  networks: string[] | null;
  types: string[] | null;
}

/**
 * The rights of the users who are connected, at most a second old. Requests do not need it, their rights are
 * part of their statement; the broker does, which decides on every event for every watcher.
 */
@Injectable()
export class UserRightsCache {
  private readonly logger = new Logger(UserRightsCache.name);
  private rights = new Map<number, UserRights>();
  private readAt = -Infinity;

  constructor(private readonly dataSource: DataSource) {}

  /** @returns `undefined` for a user who is unknown, not active, or was not asked for in `read` */
  of(userId: number): UserRights | undefined {
    return this.rights.get(userId);
  }

  /** Whether what was read last is at most a second old. */
  isFresh(): boolean {
    return performance.now() - this.readAt <= MAX_AGE_MS;
  }

  /** Reads the rights of these users. @returns `false` after a short wait where that failed */
  async read(userIds: readonly number[]): Promise<boolean> {
    const startedAt = performance.now();
    try {
      const rows: RightsRow[] = await this.dataSource.query(READ_RIGHTS, [userIds]);
      this.rights = new Map(
        rows.map((row) => [
          Number(row.id),
          { networkIds: row.networks?.map(Number) ?? null, deviceTypeIds: row.types?.map(Number) ?? null },
        ]),
      );
      this.readAt = startedAt;
      return true;
    } catch (error) {
      this.logger.error('Events wait: the rights of their watchers cannot be read', error);
      await delay(RETRY_MS);
      return false;
    }
  }
}
