import { once } from 'node:events';
import { createServer } from 'node:net';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern } from '@nestjs/microservices';
import { getDataSourceToken } from '@nestjs/typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ActionController,
  createApp,
  DATA_SOURCE,
  DEVICEHIVE,
  DeviceHiveModule,
  DeviceHiveServer,
  type RunningApp,
} from '../src/index.js';
import { TestClient } from './support/client.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';
import { freePort } from './support/mosquitto.js';
import { ADMIN, RecordingLogger } from './support/service.js';

@ActionController()
class UngatedController {
  @MessagePattern('reboot/ungated', DEVICEHIVE)
  ungated() {}
}
@Module({ controllers: [UngatedController] })
class UngatedModule {}

@Injectable()
class Broken {
  constructor() {
    throw new Error('broken on purpose');
  }
}
/** While the database is being opened. */
@Module({ providers: [Broken] })
class BrokenModule {}

/** When it is open. */
@Module({
  providers: [
    {
      provide: 'broken later',
      inject: [getDataSourceToken(DATA_SOURCE)],
      useFactory: () => new Broken(),
    },
  ],
})
class BrokenLaterModule {}

let test: TestEnvironment;
let running: RunningApp | undefined;
beforeEach(async () => {
  test = await createEnvironment();
});
afterEach(async () => {
  await running?.app.close();
  running = undefined;
  await test.dispose();
});

describe('after a start that was refused', () => {
  async function startsNow(): Promise<void> {
    running = await createApp({ environment: test.env }, new RecordingLogger());
    const client = await TestClient.connect(running.mqttUrl, ADMIN);
    expect(await client.request('server/info')).toMatchObject({ status: 'success' });
    await client.end();
  }

  it.each([
    [
      'a handler without a permission',
      UngatedModule,
      'UngatedController.ungated has no @RequirePermission()',
    ],
    ['a provider that throws', BrokenModule, 'broken on purpose'],
    ['a provider of the database that throws', BrokenLaterModule, 'broken on purpose'],
  ])('for %s, the next one in the process succeeds at once', async (_, module, problem) => {
    const refused = createApp({ environment: test.env, actions: [module] }, new RecordingLogger());
    await expect(refused).rejects.toThrow(problem);
    await startsNow();
  });

  it('for one that failed while it waited for its database, nothing waits any more', async () => {
    const logger = new RecordingLogger();
    const waits = () => logger.lines.filter((line) => line.includes('Waiting for PostgreSQL'));
    const useFactory = async () => {
      await expect.poll(waits).toHaveLength(1);
      return new Broken();
    };
    const module = { module: BrokenLaterModule, providers: [{ provide: 'broken meanwhile', useFactory }] };
    const environment = { ...test.env, DATABASE_URL: `postgres://x@127.0.0.1:${await freePort()}/x` };
    await expect(createApp({ environment, actions: [module] }, logger)).rejects.toThrow('broken on purpose');
  });

  it('for a port that is taken, the next one in the process succeeds at once', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const environment = { ...test.env, MQTT_PORT: String(port) };
    await expect(createApp({ environment }, new RecordingLogger())).rejects.toThrow(`Port ${port}`);
    holder.close();
    await startsNow();
  });
});

describe('an application that imports DeviceHiveModule twice', () => {
  it('is refused, and told so', async () => {
    @Module({ imports: [DeviceHiveModule.forRoot({ environment: test.env, health: false, docs: false })] })
    class OtherModule {}
    @Module({ imports: [DeviceHiveModule.forRoot({ environment: test.env }), OtherModule] })
    class AppModule {}

    await expect(
      NestFactory.create(AppModule, { logger: new RecordingLogger(), abortOnError: false }),
    ).rejects.toThrow(
      'DeviceHiveModule is imported twice in one application: leave one forRoot() or forRootAsync()',
    );
  });

  it('may import one dynamic module in two places', async () => {
    const once = DeviceHiveModule.forRoot({ environment: test.env });
    @Module({ imports: [once] })
    class OtherModule {}
    @Module({ imports: [once, OtherModule] })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: new RecordingLogger(), abortOnError: false });
    expect(app.get(DeviceHiveServer).brokerUrl).toBe(undefined);
    await app.close();
  });
});
