import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { createApp } from '../app.js';
import { DATA_SOURCE } from '../database/data-source.name.js';
import type { DeviceHiveExtras } from '../devicehive.options.js';
import { RecordingLogger } from './recording-logger.js';

/** A service that a contract is tried on. */
export interface ContractService {
  app: INestApplication;
  /** where clients connect */
  mqttUrl: string;
  /** what it has logged, line by line */
  logger: { lines: readonly string[] };
  /** Runs a statement on its database. */
  sql<Row = Record<string, unknown>>(statement: string, parameters?: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

/** A service with the embedded database and the built-in broker, in a folder and on ports of its own, with sample rows. */
export async function startContractService(extras: DeviceHiveExtras): Promise<ContractService> {
  const dataDir = mkdtempSync(join(tmpdir(), 'devicehive-contract-'));
  const removeFiles = () => rmSync(dataDir, { recursive: true, force: true });
  const logger = new RecordingLogger();
  const environment = { DATA_DIR: dataDir, MQTT_PORT: '0', HTTP_PORT: '0' };
  try {
    const { app, mqttUrl } = await createApp({ environment, ...extras }, logger);
    const dataSource = app.get<DataSource>(getDataSourceToken(DATA_SOURCE));
    return {
      app,
      mqttUrl,
      logger,
      sql: (statement, parameters) => dataSource.query(statement, parameters),
      async stop() {
        await app.close();
        removeFiles();
      },
    };
  } catch (error) {
    removeFiles();
    throw error;
  }
}
