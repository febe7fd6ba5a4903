import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { hashPassword, verifyPassword } from './auth/passwords.js';
import { DATA_SOURCE } from './database/data-source.name.js';
import { DatabaseOptions } from './database/database.options.js';
import { deviceExists } from './directory/access-scope.js';
import { DirectoryRepository } from './directory/directory.repository.js';
import { type User, UserStatus } from './directory/entities.js';

/** DeviceHive's well-known rows, which its tutorials rely on. The password is public. */
export const SAMPLE = {
  login: 'dhadmin',
  password: 'dhadmin_#911',
  deviceId: 'e50d6085-2aba-48e9-b1c3-73c673e414be',
} as const;

/** The rows that a start adds, each at most once: the first administrator, and sample data where asked for. */
@Injectable()
export class Seed implements OnModuleInit {
  private readonly logger = new Logger('Seed');

  constructor(
    private readonly options: DatabaseOptions,
    private readonly directory: DirectoryRepository,
    @InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource,
  ) {}

  /** @throws if the sample login would work, and the configuration refuses that; nothing is added then */
  async onModuleInit(): Promise<void> {
    const { seedSampleData, sampleLogin, admin } = this.options;
    const addsSampleData = seedSampleData && !(await this.hasSampleData());
    const willBeOpen = sampleLogin !== 'accept' && (await this.willSampleLoginBeOpen(addsSampleData));
    if (willBeOpen && sampleLogin === 'refuse') {
      const other = addsSampleData ? ', or leave it out with SEED_SAMPLE_DATA=false' : '';
      throw new Error(`${OPEN_LOGIN}, and other machines may reach the service: ${REMEDY}${other}`);
    }
    if (willBeOpen) this.logger.warn(`${OPEN_LOGIN}: ${REMEDY}`);
    if (admin) await this.addAdmin(admin);
    if (addsSampleData) await this.addSampleData();
    if (!(await this.directory.hasAdmin())) this.logger.warn(NO_ADMIN);
  }

  /** Whether the public password opens the sample login. */
  async isSampleLoginOpen(): Promise<boolean> {
    return this.isOpen(await this.directory.userByLogin(SAMPLE.login));
  }

  /** The same, once this start has added what is missing. */
  private async willSampleLoginBeOpen(addsSampleData: boolean): Promise<boolean> {
    if (this.samplePassword !== SAMPLE.password) return false;
    const user = await this.directory.userByLogin(SAMPLE.login);
    return user ? this.isOpen(user) : addsSampleData || this.options.admin?.login === SAMPLE.login;
  }

  private async isOpen(user: User | null): Promise<boolean> {
    return user?.status === UserStatus.Active && verifyPassword(SAMPLE.password, user.passwordHash);
  }

  /** What the sample user is created with: `ADMIN_PASSWORD` if it is to be the administrator. */
  private get samplePassword(): string {
    const { admin } = this.options;
    return admin?.login === SAMPLE.login ? admin.password : SAMPLE.password;
  }

  private async addAdmin({ login, password }: { login: string; password: string }): Promise<void> {
    if (await this.directory.createFirstAdmin(login, () => hashPassword(password))) {
      this.logger.log(`Created the administrator ${login}`);
      return;
    }
    const user = await this.directory.userByLogin(login);
    if (!user) {
      if (login !== SAMPLE.login) this.logger.warn(`${login} is not created: there is an administrator`);
      return;
    }
    if (await verifyPassword(password, user.passwordHash)) return;
    if (login !== SAMPLE.login || !(await verifyPassword(SAMPLE.password, user.passwordHash))) {
      this.logger.warn(`ADMIN_PASSWORD has no effect: ${login} exists, with another password`);
      return;
    }
    await this.directory.replacePasswordHash(user.id, user.passwordHash, await hashPassword(password));
    this.logger.log(`The public password of ${login} is replaced`);
  }

  private async hasSampleData(): Promise<boolean> {
    const rows = await this.dataSource.query(`SELECT 1 WHERE ${deviceExists('$1')}`, [SAMPLE.deviceId]);
    return rows.length > 0;
  }

  private async addSampleData(): Promise<void> {
    await this.dataSource.query(
      `WITH u AS (
         INSERT INTO dh_user (login, password_hash, role) VALUES ($1, $2, 0)
         ON CONFLICT (login) DO UPDATE SET login = excluded.login RETURNING id),
       n AS (
         INSERT INTO network (name) VALUES ('Sample Network')
         ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id),
       t AS (
         INSERT INTO device_type (name) VALUES ('Default Device Type')
         ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id),
       un AS (INSERT INTO user_network SELECT u.id, n.id FROM u, n ON CONFLICT DO NOTHING),
       ut AS (INSERT INTO user_device_type SELECT u.id, t.id FROM u, t ON CONFLICT DO NOTHING)
       INSERT INTO device (device_id, name, network_id, device_type_id)
       SELECT $3, 'Sample Device', n.id, t.id FROM n, t ON CONFLICT DO NOTHING`,
      [SAMPLE.login, await hashPassword(this.samplePassword), SAMPLE.deviceId],
    );
  }
}

const OPEN_LOGIN = `The sample login ${SAMPLE.login} has a password that everybody knows`;
const REMEDY = `change it with ADMIN_LOGIN=${SAMPLE.login} and ADMIN_PASSWORD`;
const NO_ADMIN =
  'There is no administrator: set ADMIN_LOGIN and ADMIN_PASSWORD, and start again or run npm run admin:create';
