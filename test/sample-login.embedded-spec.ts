import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApp, type RunningApp } from '../src/app.js';
import { DATA_SOURCE } from '../src/database/data-source.name.js';
import { TestClient } from './support/client.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';
import { ADMIN, RecordingLogger } from './support/service.js';

const BEYOND_LOOPBACK = { MQTT_HOST: '0.0.0.0' };
const PROBLEM = 'The sample login dhadmin has a password that everybody knows';
const IGNORED = 'ADMIN_PASSWORD has no effect: dhadmin exists, with another password';
const REMEDY = 'change it with ADMIN_LOGIN=dhadmin and ADMIN_PASSWORD';

let test: TestEnvironment;
let running: RunningApp | undefined;
let logger: RecordingLogger;

beforeEach(async () => {
  test = await createEnvironment();
});
afterEach(async () => {
  await stop();
  await test.dispose();
});

async function start(variables: Record<string, string>): Promise<void> {
  logger = new RecordingLogger();
  running = await createApp({ environment: { ...test.env, ...variables } }, logger);
}

async function stop(): Promise<void> {
  await running?.app.close();
  running = undefined;
}

/** Over the loopback address, wherever else the service listens. */
async function canLogIn(username: string, password: string): Promise<boolean> {
  const url = running!.mqttUrl.replace('0.0.0.0', '127.0.0.1');
  try {
    await (await TestClient.connect(url, { username, password })).end();
    return true;
  } catch (error) {
    expect((error as Error).message).toContain('Not authorized');
    return false;
  }
}

/** Changes the folder's database as somebody may have done before. */
async function change(statement: string, parameters: unknown[] = []): Promise<void> {
  await start({});
  await running!.app.get<DataSource>(getDataSourceToken(DATA_SOURCE)).query(statement, parameters);
  await stop();
}

describe('the embedded shape beyond loopback', () => {
  it('is refused in a new DATA_DIR, which then has no sample login', async () => {
    const fresh = { ...BEYOND_LOOPBACK, DATA_DIR: join(test.dataDir, 'new') };
    await expect(start(fresh)).rejects.toThrow(
      new Error(
        `${PROBLEM}, and other machines may reach the service: ${REMEDY}, or leave it out with SEED_SAMPLE_DATA=false`,
      ),
    );
    const own = { ADMIN_LOGIN: 'ann', ADMIN_PASSWORD: 'correct horse' };
    await expect(start({ ...fresh, ...own })).rejects.toThrow(PROBLEM);
    expect(logger.lines.join()).not.toContain('Created the administrator');
    await start({ ...fresh, ...own, SEED_SAMPLE_DATA: 'false' });
    expect(logger.lines.join()).toContain('Created the administrator ann');
    expect(await canLogIn('ann', 'correct horse')).toBe(true);
    expect(await canLogIn(ADMIN.username, ADMIN.password)).toBe(false);
  });

  it('is refused with a DATA_DIR that has the login from before', async () => {
    await expect(start({ ...BEYOND_LOOPBACK, SEED_SAMPLE_DATA: 'false' })).rejects.toThrow(PROBLEM);
    const salted = createHash('sha256').update(`salt${ADMIN.password}`).digest('base64');
    await change(`UPDATE dh_user SET password_hash = $1`, [`sha256$salt$${salted}`]);
    await expect(start(BEYOND_LOOPBACK)).rejects.toThrow(PROBLEM);
  });

  it('starts, with a warning, if ALLOW_SAMPLE_LOGIN says so', async () => {
    await start({ ...BEYOND_LOOPBACK, ALLOW_SAMPLE_LOGIN: 'true' });
    expect(logger.lines.filter((line) => line.includes(`${PROBLEM}: ${REMEDY}`))).toHaveLength(1);
    expect(await canLogIn(ADMIN.username, ADMIN.password)).toBe(true);
  });

  it('starts if the user is disabled or has no password', async () => {
    for (const fields of [`status = 2`, `status = 0, password_hash = ''`]) {
      await change(`UPDATE dh_user SET ${fields} WHERE login = 'dhadmin'`);
      await start(BEYOND_LOOPBACK);
      expect(await canLogIn(ADMIN.username, ADMIN.password)).toBe(false);
      await stop();
    }
  });

  it('starts with ADMIN_LOGIN=dhadmin, which changes the public password once', async () => {
    const own = { ADMIN_LOGIN: ADMIN.username, ADMIN_PASSWORD: 'correct horse' };
    await start({ ...BEYOND_LOOPBACK, ...own });
    expect(logger.lines.join()).toContain('The public password of dhadmin is replaced');
    expect(await canLogIn(ADMIN.username, ADMIN.password)).toBe(false);
    await stop();

    await start({ ...BEYOND_LOOPBACK, ...own, ADMIN_PASSWORD: 'another one' });
    expect(logger.lines.filter((line) => line.includes(IGNORED))).toHaveLength(1);
    expect(logger.lines.join()).not.toContain('another one');
    expect(await canLogIn(ADMIN.username, 'another one')).toBe(false);
    expect(await canLogIn(ADMIN.username, 'correct horse')).toBe(true);
    await stop();

    await start(BEYOND_LOOPBACK);
    expect(logger.lines.join()).not.toContain('everybody knows');
  });
});

describe("an administrator of one's own", () => {
  it('is created in a new DATA_DIR beside the sample data', async () => {
    const own = { ADMIN_LOGIN: 'ann', ADMIN_PASSWORD: 'correct horse' };
    await start({ ...own, DATA_DIR: join(test.dataDir, 'new') });
    expect(await canLogIn('ann', 'correct horse')).toBe(true);
    expect(await canLogIn(ADMIN.username, ADMIN.password)).toBe(true);
  });

  it('is told of if there is another one, once and without the password', async () => {
    const own = { ADMIN_LOGIN: 'ann', ADMIN_PASSWORD: 'correct horse' };
    await start(own);
    const said = logger.lines.filter((line) => line.includes('ann'));
    expect(said).toEqual([expect.stringContaining('ann is not created: there is an administrator')]);
    expect(logger.lines.join()).not.toContain('correct horse');
  });

  it('is asked for in one line if there is none', async () => {
    const none = { DATA_DIR: join(test.dataDir, 'new'), SEED_SAMPLE_DATA: 'false' };
    await start(none);
    expect(logger.lines.filter((line) => line.includes('npm run admin:create'))).toEqual([
      expect.stringContaining('There is no administrator: set ADMIN_LOGIN and ADMIN_PASSWORD'),
    ]);
    await stop();
    await start({ ...none, ADMIN_LOGIN: 'ann', ADMIN_PASSWORD: 'correct horse' });
    expect(logger.lines.join()).not.toContain('There is no administrator');
    await stop();
    await start({ ...none, ADMIN_LOGIN: 'ann', ADMIN_PASSWORD: 'correct horse' });
    expect(logger.lines.join()).not.toMatch(/no effect|not created/);
  });

  it('named dhadmin beside another one gives the sample user its password', async () => {
    const fresh = { DATA_DIR: join(test.dataDir, 'new') };
    await start({ ...fresh, ADMIN_LOGIN: 'ann', ADMIN_PASSWORD: 'correct horse', SEED_SAMPLE_DATA: 'false' });
    await stop();
    const own = { ADMIN_LOGIN: ADMIN.username, ADMIN_PASSWORD: 'battery staple' };
    await start({ ...fresh, ...BEYOND_LOOPBACK, ...own });
    expect(await canLogIn(ADMIN.username, 'battery staple')).toBe(true);
    expect(await canLogIn(ADMIN.username, ADMIN.password)).toBe(false);
  });
});
