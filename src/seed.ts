import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { hashPassword, verifyPassword } from './auth/passwords.js';
import { DATA_SOURCE } from './database/data-source.name.js';
import { DatabaseOptions } from './database/database.options.js';
import { DirectoryRepository } from './directory/directory.repository.js';
import { UserStatus } from './directory/entities.js';

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

  /** @throws if the sample login would work, and the configuration refuses that; no sample data is added then */
  async onModuleInit(): Promise<void> {
    const { seedSampleData, sampleLogin, admin } = this.options;
    if (admin) await this.addAdmin(admin);
    const addsSampleData = seedSampleData && !(await this.hasSampleData());
    const isOpen = await this.isSampleLoginOpen(addsSampleData);
    if (isOpen && sampleLogin === 'refuse') throw new Error(`${OPEN_LOGIN}. ${REMEDIES}`);
    if (isOpen && sampleLogin === 'warn') this.logger.warn(OPEN_LOGIN);
    if (addsSampleData) await addSampleData(this.dataSource);
  }

  private async addAdmin({ login, password }: { login: string; password: string }): Promise<void> {
    const created = await this.directory.createFirstAdmin(login, () => hashPassword(password));
    if (created) this.logger.log(`Created the administrator ${login}`);
    if (created || login !== SAMPLE.login || password === SAMPLE.password) return;
    const user = await this.directory.userByLogin(login);
    if (!user || !(await verifyPassword(SAMPLE.password, user.passwordHash))) return;
    await this.directory.replacePasswordHash(user.id, user.passwordHash, await hashPassword(password));
    this.logger.log(`The public password of ${login} is replaced`);
  }

  private async hasSampleData(): Promise<boolean> {
    const rows = await this.dataSource.query('SELECT 1 FROM device WHERE device_id = $1', [SAMPLE.deviceId]);
    return rows.length > 0;
  }

  /** Whether the public password opens the sample login, now or when the sample data is added. */
  private async isSampleLoginOpen(addsSampleData: boolean): Promise<boolean> {
    if (this.options.sampleLogin === 'accept') return false;
    const user = await this.directory.userByLogin(SAMPLE.login);
    if (!user) return addsSampleData;
    return user.status === UserStatus.Active && verifyPassword(SAMPLE.password, user.passwordHash);
  }
}

const OPEN_LOGIN = `The sample login ${SAMPLE.login} has a password that everybody knows, and other machines can reach the service or its database`;
const REMEDIES =
  `Listen on loopback (MQTT_HOST), change the password (ADMIN_LOGIN=${SAMPLE.login} and ADMIN_PASSWORD), ` +
  'use another login (SEED_SAMPLE_DATA=false, ADMIN_LOGIN and ADMIN_PASSWORD on a new DATA_DIR) or a DATABASE_URL, ' +
  'or set ALLOW_SAMPLE_LOGIN=true';

async function addSampleData(dataSource: DataSource): Promise<void> {
  await dataSource.query(
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
    [SAMPLE.login, await hashPassword(SAMPLE.password), SAMPLE.deviceId],
  );
}
