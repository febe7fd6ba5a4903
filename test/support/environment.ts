import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { createScratchDatabase } from '../../src/database/scratch-database.js';

export const isPostgres = process.env.TEST_DATABASE === 'postgres';
export const JWT_SECRET = Buffer.alloc(48, 'only for tests, never anywhere else').toString('base64');

/** Variables for a service of its own (free ports, its own database), and what takes them away again. */
export interface TestEnvironment {
  env: Record<string, string>;
  dataDir: string;
  dispose(): Promise<void>;
}

export async function createEnvironment(): Promise<TestEnvironment> {
  const dataDir = mkdtempSync(join(tmpdir(), 'devicehive-test-'));
  const scratch = isPostgres ? await createScratchDatabase(process.env.TEST_DATABASE_URL!) : undefined;
  if (!scratch) cpSync(inject('dataDirTemplate'), dataDir, { recursive: true });
  const env = { DATA_DIR: dataDir, JWT_SECRET, SEED_SAMPLE_DATA: 'true', MQTT_PORT: '0', HTTP_PORT: '0' };
  return {
    env: scratch ? { ...env, DATABASE_URL: scratch.url } : env,
    dataDir,
    async dispose() {
      await scratch?.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
