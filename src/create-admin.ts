import 'reflect-metadata';
import { hashPassword } from './auth/passwords.js';
import { loadDatabaseOptions } from './config.js';
import { openDatabase } from './database/data-source.js';
import { Queries } from './database/queries.js';
import { DirectoryRepository } from './directory/directory.repository.js';
import { User } from './directory/entities.js';
import { loadEnvFile } from './env-file.js';

try {
  for (const warning of loadEnvFile()) process.stderr.write(`${warning}\n`);
  const database = loadDatabaseOptions(process.env);
  const { admin } = database;
  if (!admin) throw new Error('set ADMIN_LOGIN and ADMIN_PASSWORD');
  const dataSource = await openDatabase(database, { entities: [User] });
  try {
    const directory = new DirectoryRepository(new Queries(dataSource));
    const created = await directory.createFirstAdmin(admin.login, () => hashPassword(admin.password));
    process.stdout.write(
      created
        ? `Created the administrator ${admin.login}\n`
        : 'Nothing created: there is an administrator, or the login is taken\n',
    );
  } finally {
    await dataSource.destroy();
  }
} catch (error) {
  process.stderr.write(`Cannot create the administrator: ${(error as Error).message}\n`);
  process.exit(1);
}
