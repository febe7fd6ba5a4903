import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../src/app.js';
import { TestClient } from './support/client.js';
import { createEnvironment } from './support/environment.js';
import { ADMIN, RecordingLogger, TestService } from './support/service.js';
import { signToken } from './support/token.js';

const LOGINS = 200;

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
  await service.sql(`
    CREATE TABLE written (id bigint GENERATED ALWAYS AS IDENTITY, user_id bigint);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO written (user_id) VALUES (new.id); RETURN new; END';
    CREATE TRIGGER note AFTER UPDATE OF last_login ON dh_user FOR EACH ROW EXECUTE FUNCTION note()`);
});
afterAll(() => service?.stop());

const written = async () => (await service.sql('SELECT FROM written')).length;

describe('last_login', () => {
  it('is written once a second for a user, however many logins there are', async () => {
    const client = await service.connect();
    const before = await written();
    const startedAt = performance.now();
    for (let n = 0; n < LOGINS; n++)
      expect(await client.request('authenticate', { token: signToken() })).toMatchObject({
        status: 'success',
      });
    await expect.poll(written, { timeout: 5_000 }).toBeGreaterThan(before);
    const seconds = (performance.now() - startedAt) / 1_000;
    expect((await written()) - before).toBeLessThanOrEqual(seconds + 1);
  });

  it('keeps no login waiting while somebody else holds the row of the user', async () => {
    const other = service.dataSource.createQueryRunner();
    await other.startTransaction();
    await other.query('SELECT FROM dh_user WHERE id = 1 FOR UPDATE');
    try {
      const client = await service.connect();
      const startedAt = performance.now();
      expect(await client.request('authenticate', { token: signToken() })).toMatchObject({
        status: 'success',
      });
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    } finally {
      await other.rollbackTransaction();
      await other.release();
    }
  });

  it('of a login just before a stop is written', async () => {
    const { env, dispose } = await createEnvironment();
    const { app, mqttUrl, server } = await createApp({ environment: env }, new RecordingLogger());
    await server.whenReady;
    const client = await TestClient.connect(mqttUrl, ADMIN);
    await client.end();
    await app.close();
    const database = await new DataSource({ type: 'postgres', url: env.DATABASE_URL! }).initialize();
    expect(await database.query('SELECT FROM dh_user WHERE last_login IS NOT NULL')).toHaveLength(1);
    await database.destroy();
    await dispose();
  });
});
