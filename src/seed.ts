import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { hashPassword } from './auth/passwords.js';
import { DATA_SOURCE } from './database/data-source.name.js';
import { DatabaseOptions } from './database/database.options.js';
import { DirectoryRepository } from './directory/directory.repository.js';

/** DeviceHive's well-known rows, which its tutorials rely on. The password is public. */
export const SAMPLE = {
  login: 'dhadmin',
  password: 'dhadmin_#911',
  deviceId: 'e50d6085-2aba-48e9-b1c3-73c673e414be',
} as const;

/** The rows that a start adds, each at most once: sample data where asked for, and the first administrator. */
@Injectable()
export class Seed implements OnModuleInit {
  private readonly logger = new Logger('Seed');

  constructor(
    private readonly options: DatabaseOptions,
    private readonly directory: DirectoryRepository,
    @InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource,
  ) {}

  async onModuleInit(): Promise<void> {
    const { seedSampleData, warnOfSampleData, admin } = this.options;
    if (seedSampleData) {
      if (warnOfSampleData)
        this.logger.warn(`SEED_SAMPLE_DATA: ${SAMPLE.login} has a password that everybody knows`);
      await addSampleData(this.dataSource);
    }
    if (!admin) return;
    const created = await this.directory.createFirstAdmin(admin.login, () => hashPassword(admin.password));
    if (created) this.logger.log(`Created the administrator ${admin.login}`);
  }
}

async function addSampleData(dataSource: DataSource): Promise<void> {
  const [existing] = await dataSource.query('SELECT 1 FROM device WHERE device_id = $1', [SAMPLE.deviceId]);
  if (existing) return;
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
