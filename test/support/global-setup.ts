import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import 'reflect-metadata';
import { createApp } from '../../src/app.js';
import { PinoLogger } from '../../src/logger.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** a data directory with schema and sample rows, to be copied: making one takes seconds */
    dataDirTemplate: string;
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'devicehive-template-'));
  if (project.name === 'embedded') {
    const environment = { DATA_DIR: dataDir, MQTT_PORT: '0', HTTP_PORT: '0' };
    const { app } = await createApp({ environment }, new PinoLogger('error'));
    await app.close();
  }
  project.provide('dataDirTemplate', dataDir);
  return () => rmSync(dataDir, { recursive: true, force: true });
}
