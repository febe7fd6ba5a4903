import 'reflect-metadata';
import { loadEnvFile } from './env-file.js';
import { migrate } from './schema.js';

try {
  for (const warning of loadEnvFile()) process.stderr.write(`${warning}\n`);
  const applied = await migrate({ environment: process.env });
  for (const name of applied) process.stdout.write(`applied ${name}\n`);
  process.stdout.write('The database schema is up to date\n');
} catch (error) {
  process.stderr.write(`Cannot migrate: ${(error as Error).message}\n`);
  process.exit(1);
}
