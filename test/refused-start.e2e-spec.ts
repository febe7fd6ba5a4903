import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
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
import { createEnvironment, isPostgres, type TestEnvironment } from './support/environment.js';
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
    expect(waits()[0]).toContain('(DATABASE_URL): connect ECONNREFUSED');
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

describe('a start that is refused', () => {
  const refusalOf = async (variables: Record<string, string>) => {
    const refused = createApp({ environment: { ...test.env, ...variables } }, new RecordingLogger());
    return ((await refused.catch((error: Error) => error)) as Error).message;
  };

  it.each(['MQTT', 'HTTP'])('names %s_HOST where nothing can listen there', async (name) => {
    // Of the addresses that are for documentation (RFC 5737): no machine has it.
    const nowhere = { [`${name}_HOST`]: '192.0.2.1', ALLOW_SAMPLE_LOGIN: 'true' };
    expect(await refusalOf(nowhere)).toMatch(
      new RegExp(`^${name}_HOST and ${name}_PORT cannot be listened on: listen EADDRNOTAVAIL`),
    );
  });

  it('names DATA_DIR where it cannot be made', async () => {
    const file = join(test.dataDir, 'file');
    writeFileSync(file, '');
    expect(await refusalOf({ DATA_DIR: join(file, 'data') })).toMatch(/^DATA_DIR .*is not a folder/);
  });

  it.runIf(isPostgres)('names DATABASE_URL, without its password, where the server refuses it', async () => {
    const url = new URL(test.env.DATABASE_URL!);
    url.password = 'hidden';
    url.pathname = '/no_such_database';
    const message = await refusalOf({ DATABASE_URL: url.href });
    expect(message).toBe('DATABASE_URL leads to no database: database "no_such_database" does not exist');
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
