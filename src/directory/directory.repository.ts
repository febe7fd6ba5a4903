import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../database/data-source.name.js';
import { answered } from '../database/database-error.js';
import { type AccessScope, VISIBLE_DEVICE, visibleDeviceParameters } from './access-scope.js';
import { Role, User, UserStatus } from './entities.js';

/** Who and what exists: questions about users and devices, answered by name. */
@Injectable()
export class DirectoryRepository {
  constructor(@InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource) {}

  userByLogin(login: string): Promise<User | null> {
    return answered(this.dataSource.getRepository(User).findOneBy({ login }));
  }

  userById(id: number): Promise<User | null> {
    return answered(this.dataSource.getRepository(User).findOneBy({ id }));
  }

  activeUser(id: number): Promise<User | null> {
    return answered(this.dataSource.getRepository(User).findOneBy({ id, status: UserStatus.Active }));
  }

  async isVisible(scope: AccessScope, deviceId: string): Promise<boolean> {
    const rows = await this.query(VISIBLE_DEVICE, visibleDeviceParameters(scope, deviceId));
    return rows.length > 0;
  }

  async networkIdsOf(userId: number): Promise<number[]> {
    const rows = await this.query<{ id: string }>(
      'SELECT network_id AS id FROM user_network WHERE user_id = $1 ORDER BY 1',
      [userId],
    );
    return rows.map((row) => Number(row.id));
  }

  async deviceTypeIdsOf(userId: number): Promise<number[]> {
    const rows = await this.query<{ id: string }>(
      'SELECT device_type_id AS id FROM user_device_type WHERE user_id = $1 ORDER BY 1',
      [userId],
    );
    return rows.map((row) => Number(row.id));
  }

  /** Users whose rows are locked are left out. */
  async recordLogins(userIds: number[]): Promise<void> {
    await this.query(
      `UPDATE dh_user u SET last_login = clock_timestamp()
         FROM (SELECT id FROM dh_user WHERE id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED) free
        WHERE u.id = free.id`,
      [userIds],
    );
  }

  /** Without effect where the hash is no longer `current`: a password that was changed meanwhile wins. */
  async replacePasswordHash(userId: number, current: string, hash: string): Promise<void> {
    await this.query('UPDATE dh_user SET password_hash = $3 WHERE id = $1 AND password_hash = $2', [
      userId,
      current,
      hash,
    ]);
  }

  /** Whether there is one, disabled or not. */
  hasAdmin(): Promise<boolean> {
    return answered(this.dataSource.getRepository(User).existsBy({ role: Role.Admin }));
  }

  /**
   * Creates an administrator where there is none at all.
   * @param passwordHash computed only when it is needed: hashing takes a tenth of a second
   * @returns whether one was created; also `false` where the login is taken
   */
  async createFirstAdmin(login: string, passwordHash: () => Promise<string>): Promise<boolean> {
    if (await this.hasAdmin()) return false;
    const rows = await this.query(
      `INSERT INTO dh_user (login, password_hash, role, status) VALUES ($1, $2, 0, 0)
       ON CONFLICT (login) DO NOTHING RETURNING id`,
      [login, await passwordHash()],
    );
    return rows.length > 0;
  }

  private query<Row>(sql: string, parameters: unknown[]): Promise<Row[]> {
    return answered(this.dataSource.query(sql, parameters) as Promise<Row[]>);
  }
}
