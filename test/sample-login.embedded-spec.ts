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
const PROBLEM =
  'The sample login dhadmin has a password that everybody knows, and other machines can reach the service or its database';

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
        `${PROBLEM}. Listen on loopback (MQTT_HOST), change the password (ADMIN_LOGIN=dhadmin and ADMIN_PASSWORD), ` +
          'use another login (SEED_SAMPLE_DATA=false, ADMIN_LOGIN and ADMIN_PASSWORD on a new DATA_DIR) or a ' +
          'DATABASE_URL, or set ALLOW_SAMPLE_LOGIN=true',
      ),
    );
    const own = { ADMIN_LOGIN: 'ann', ADMIN_PASSWORD: 'correct horse' };
    await start({ ...fresh, ...own, SEED_SAMPLE_DATA: 'false' });
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
    expect(logger.lines.filter((line) => line.includes(PROBLEM))).toHaveLength(1);
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
});
