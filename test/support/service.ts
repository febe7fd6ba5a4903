import type { NestExpressApplication } from '@nestjs/platform-express';
import type { MqttClient } from 'mqtt';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { createApp } from '../../src/app.js';
import { DATA_SOURCE } from '../../src/database/data-source.name.js';
import type { DeviceHiveExtras } from '../../src/devicehive.options.js';
import { DeviceHiveServer } from '../../src/transport/devicehive.server.js';
import { RecordingLogger } from '../../src/testing/recording-logger.js';
import { createEnvironment } from './environment.js';
import { TestClient, type TestClientOptions } from './client.js';
import { learn } from './described-traffic.js';
import { RawClient } from './raw-client.js';

export const SAMPLE_DEVICE = 'e50d6085-2aba-48e9-b1c3-73c673e414be';
export const ADMIN = { username: 'dhadmin', password: 'dhadmin_#911' };

/** Packets instead of a library, authenticated as the sample administrator. */
export function connectRawAdmin(url: string, clientId: string, options: object = {}): Promise<RawClient> {
  const { username, password } = ADMIN;
  return RawClient.connect(url, { clientId, username, password: Buffer.from(password), ...options });
}

export { RecordingLogger };

/** A service as `main` starts it, with a database and ports of its own. */
export class TestService {
  private readonly clients: TestClient[] = [];

  private constructor(
    readonly app: NestExpressApplication,
    readonly mqttUrl: string,
    readonly httpUrl: string,
    readonly logger: RecordingLogger,
    private readonly dispose: () => Promise<void>,
  ) {}

  /**
   * @param overrides configuration on top of the test's own, or what makes it of that
   * @param isAwaited whether to wait until it is ready
   */
  static async start(
    overrides:
      Record<string, string> | ((env: Record<string, string>) => Promise<Record<string, string>>) = {},
    actions?: DeviceHiveExtras['actions'],
    isAwaited = true,
  ): Promise<TestService> {
    if (actions) learn(actions);
    const { env, dispose } = await createEnvironment();
    const logger = new RecordingLogger();
    try {
      const own = typeof overrides === 'function' ? await overrides(env) : overrides;
      const running = await createApp({ environment: { ...env, ...own }, actions }, logger);
      if (isAwaited) await running.server.whenReady;
      return new TestService(running.app, running.mqttUrl, running.httpUrl, logger, dispose);
    } catch (error) {
      await dispose();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end()));
    await this.app.close();
    await this.dispose();
  }

  async connect(options: TestClientOptions = {}): Promise<TestClient> {
    const client = await TestClient.connect(this.mqttUrl, options);
    this.clients.push(client);
    return client;
  }

  /** A client that is authenticated as the sample administrator. */
  connectAdmin(options: TestClientOptions = {}): Promise<TestClient> {
    return this.connect({ ...ADMIN, ...options });
  }

  get dataSource(): DataSource {
    return this.app.get<DataSource>(getDataSourceToken(DATA_SOURCE));
  }

  async sql<Row = Record<string, unknown>>(statement: string, parameters: unknown[] = []): Promise<Row[]> {
    return (await this.dataSource.query(statement, parameters)) as Row[];
  }

  /** Inserts a command for a device straight into the table. */
  async insertCommand(deviceId = SAMPLE_DEVICE, command = 'led/on'): Promise<number> {
    const [row] = await this.sql<{ id: string }>(
      `INSERT INTO device_command (device, command, timestamp, last_updated)
       SELECT id, $2, now(), now() FROM device WHERE device_id = $1 RETURNING id`,
      [deviceId, command],
    );
    return Number(row!.id);
  }

  /** Holds a row's lock from a transaction of its own until it is unlocked. */
  async lock(id: number): Promise<{ unlock(): Promise<void> }> {
    const runner = this.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query('SELECT 1 FROM device_command WHERE id = $1 FOR UPDATE', [id]);
    return {
      async unlock() {
        await runner.commitTransaction();
        await runner.release();
      },
    };
  }

  /** The service's own client of its broker. */
  get mqtt(): MqttClient {
    return this.app.get(DeviceHiveServer).unwrap<MqttClient>();
  }

  async command(id: number): Promise<Record<string, unknown>> {
    const [row] = await this.sql('SELECT * FROM device_command WHERE id = $1', [id]);
    return row!;
  }
}
