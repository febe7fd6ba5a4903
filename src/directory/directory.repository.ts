import { Injectable } from '@nestjs/common';
import { answered } from '../database/database-error.js';
import { type Asker, type Bound, Queries, type Statement } from '../database/queries.js';
import { Batcher } from '../database/batcher.js';
import { type AccessScope, FIND_VISIBLE, visibleDeviceParameters } from './access-scope.js';
import type { User } from './entities.js';

const SELECT_USER = `
  SELECT id, login, password_hash AS "passwordHash", role, status, generation, last_login AS "lastLogin",
         all_device_types_available AS "allDeviceTypesAvailable" FROM dh_user`;
const USER_BY_LOGIN = { name: 'user_by_login', text: `${SELECT_USER} WHERE login = $1` };
const USER_BY_ID = { name: 'user_by_id', text: `${SELECT_USER} WHERE id = $1` };
const ACTIVE_USERS = {
  name: 'users_active',
  text: `${SELECT_USER} WHERE id = ANY ($1::bigint[]) AND status = 0`,
};
const NETWORKS = {
  name: 'user_networks',
  text: 'SELECT network_id AS id FROM user_network WHERE user_id = $1 ORDER BY 1',
};
const DEVICE_TYPES = {
  name: 'user_device_types',
  text: 'SELECT device_type_id AS id FROM user_device_type WHERE user_id = $1 ORDER BY 1',
};

/** The same password, so that the trigger which ends the user's credentials at another one is told. */
const REPLACE_HASH = `
  UPDATE dh_user SET password_hash = $3
   WHERE id = $1 AND password_hash = $2 AND set_config('devicehive.keeps_password', 'on', true) = 'on'`;

/** What somebody shows, as far as it depends on the user's row. */
type Credential = Pick<AccessScope, 'userId' | 'generation'>;

/** One statement at a time reads a few users: what follows from many would keep this process busy without a pause. */
const READINGS = { slots: 1, weight: 8 };

/** The service itself asks, for nobody. */
const SERVICE: Asker = { userId: 'service' };

/** Who and what exists: questions about users and devices, answered by name. */
@Injectable()
export class DirectoryRepository {
  private readonly activeUsers: Batcher<number, User | null>;

  constructor(private readonly queries: Queries) {
    this.activeUsers = new Batcher((ids, bound) => this.readActive(ids, bound), {
      ...READINGS,
      deadlineMs: queries.lockTimeoutMs,
    });
  }

  userByLogin(login: string): Promise<User | null> {
    return this.user({ userId: login }, USER_BY_LOGIN, login);
  }

  userById(id: number): Promise<User | null> {
    return this.user({ userId: id }, USER_BY_ID, id);
  }

  /**
   * Requests that come together are read in one statement.
   * @returns `null` as well if the user's credentials of that generation are at an end
   */
  async activeUser({ userId, generation }: Credential): Promise<User | null> {
    const user = await this.activeUsers.add(userId, { userId });
    const isInForce = generation === null || user?.generation === generation;
    return isInForce ? user : null;
  }

  async isVisible(scope: AccessScope, deviceId: string): Promise<boolean> {
    const rows = await this.lookUp(scope, FIND_VISIBLE, visibleDeviceParameters(scope, deviceId));
    return rows.length > 0;
  }

  networkIdsOf(userId: number): Promise<number[]> {
    return this.ids(NETWORKS, userId);
  }

  deviceTypeIdsOf(userId: number): Promise<number[]> {
    return this.ids(DEVICE_TYPES, userId);
  }

  /** Users whose rows are locked are left out. */
  async recordLogins(userIds: number[]): Promise<void> {
    const text = `
      UPDATE dh_user u SET last_login = clock_timestamp()
        FROM (SELECT id FROM dh_user WHERE id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED) free
       WHERE u.id = free.id`;
    await this.change(SERVICE, text, [userIds]);
  }

  /** Without effect where the hash is no longer `current`: a password that was changed meanwhile wins. */
  async replacePasswordHash(userId: number, current: string, hash: string): Promise<void> {
    await this.change({ userId }, REPLACE_HASH, [userId, current, hash]);
  }

  /** Whether there is one, disabled or not. */
  async hasAdmin(): Promise<boolean> {
    const admins = await this.lookUp(SERVICE, { text: 'SELECT FROM dh_user WHERE role = 0 LIMIT 1' }, []);
    return admins.length > 0;
  }

  /**
   * Creates an administrator where there is none at all.
   * @param passwordHash computed only when it is needed: hashing takes a tenth of a second
   * @returns whether one was created; also `false` where the login is taken
   */
  async createFirstAdmin(login: string, passwordHash: () => Promise<string>): Promise<boolean> {
    if (await this.hasAdmin()) return false;
    const text = `
      INSERT INTO dh_user (login, password_hash, role, status) VALUES ($1, $2, 0, 0)
      ON CONFLICT (login) DO NOTHING RETURNING id`;
    const rows = await this.change(SERVICE, text, [login, await passwordHash()]);
    return rows.length > 0;
  }

  private async readActive(ids: number[], bound: () => Bound): Promise<(User | null)[]> {
    const rows = await answered(this.queries.run<User>('batch', SERVICE, ACTIVE_USERS, [ids], bound));
    const users = new Map(rows.map((row) => [Number(row.id), row]));
    return ids.map((id) => {
      const user = users.get(id);
      return user ? { ...user, id } : null;
    });
  }

  private async user(asker: Asker, statement: Statement, value: unknown): Promise<User | null> {
    const [row] = await this.lookUp<User>(asker, statement, [value]);
    return row ? { ...row, id: Number(row.id) } : null;
  }

  private async ids(statement: Statement, userId: number): Promise<number[]> {
    const rows = await this.lookUp<{ id: string }>({ userId }, statement, [userId]);
    return rows.map(({ id }) => Number(id));
  }

  private lookUp<Row extends object>(asker: Asker, statement: Statement, values: unknown[]): Promise<Row[]> {
    return answered(this.queries.run<Row>('lookup', asker, statement, values));
  }

  private change(asker: Asker, text: string, values: unknown[]): Promise<object[]> {
    return answered(this.queries.runUntilFree(asker, { text }, values));
  }
}
