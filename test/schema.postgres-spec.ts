import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEnvironment, type TestEnvironment } from './support/environment.js';
import { ServiceProcess } from './support/process.js';

let environment: TestEnvironment;
let database: DataSource;

beforeEach(async () => {
  environment = await createEnvironment();
  database = await new DataSource({ type: 'postgres', url: environment.env.DATABASE_URL }).initialize();
});
afterEach(async () => {
  await database.destroy();
  await environment.dispose();
});

const dropSchema = () => database.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
const run = (script: string, env: object = {}) =>
  ServiceProcess.start({ ...environment.env, ...env }, ['node', `dist/src/${script}.js`]);

describe('a schema that is not up to date', () => {
  it('stops the start, which says which command brings it there', async () => {
    await dropSchema();
    const service = run('main');
    expect(await service.exit()).toBe(1);
    expect(service.output).toContain('run "npm run migrate" first');
  });

  it('is brought there once by several processes at the same time', async () => {
    await dropSchema();
    const processes = Array.from({ length: 4 }, () => run('migrate'));
    expect(await Promise.all(processes.map((process) => process.exit()))).toEqual([0, 0, 0, 0]);
    const applied = processes.filter(({ output }) => output.includes('applied InitialSchema'));
    expect(applied).toHaveLength(1);
    for (const { output } of processes) expect(output).toContain('The database schema is up to date');
  });
});

describe('the first administrator', () => {
  const admin = { ADMIN_LOGIN: 'first', ADMIN_PASSWORD: 'correct horse' };

  it('is created where there is none, once', async () => {
    const first = run('create-admin', admin);
    expect(await first.exit()).toBe(0);
    expect(first.output).toContain('Created the administrator first');
    const second = run('create-admin', { ...admin, ADMIN_LOGIN: 'second' });
    expect(await second.exit()).toBe(0);
    expect(second.output).toContain('Nothing created');
    expect(await database.query('SELECT login, role FROM dh_user')).toEqual([{ login: 'first', role: 0 }]);
  });

  it('is created with a warning if the password in .env is cut off, which is never shown', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'devicehive-env-'));
    try {
      writeFileSync(join(folder, '.env'), 'ADMIN_LOGIN=first\nADMIN_PASSWORD=correct_#horse\n');
      const script = resolve('dist/src/create-admin.js');
      const process = ServiceProcess.start(environment.env, ['node', script], folder);
      expect(await process.exit()).toBe(0);
      expect(process.output).toBe(
        'ADMIN_PASSWORD in .env is cut off at its #: put the value into quotes\nCreated the administrator first\n',
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is asked for by name', async () => {
    const process = run('create-admin');
    expect(await process.exit()).toBe(1);
    expect(process.output.trim()).toBe('Cannot create the administrator: set ADMIN_LOGIN and ADMIN_PASSWORD');
  });

  it('is created at the start too, and no password is stored in clear', async () => {
    const service = run('main', { ...admin, SEED_SAMPLE_DATA: 'false' });
    await service.ready();
    service.kill('SIGTERM');
    expect(await service.exit()).toBe(0);
    const [user] = await database.query('SELECT login, password_hash FROM dh_user');
    expect(user).toMatchObject({ login: 'first', password_hash: expect.stringMatching(/^scrypt\$/) });
  });
});

describe('sample data on a server', () => {
  it('is warned about, and a second start changes nothing', async () => {
    for (const _ of [1, 2]) {
      const service = run('main');
      await service.ready();
      service.kill('SIGTERM');
      expect(await service.exit()).toBe(0);
      expect(service.output).toContain('has a password that everybody knows');
    }
    const [counts] = await database.query(
      `SELECT (SELECT count(*) FROM dh_user)::int AS users, (SELECT count(*) FROM device)::int AS devices,
              (SELECT count(*) FROM network)::int AS networks, (SELECT count(*) FROM user_network)::int AS members`,
    );
    expect(counts).toEqual({ users: 1, devices: 1, networks: 1, members: 1 });
  });
});
