import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import {
  type ArgumentsHost,
  BadRequestException,
  Body,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  HttpException,
  type INestApplication,
  Injectable,
  Module,
  type NestInterceptor,
  Post,
  ValidationPipe,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import {
  type ClientProxy,
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  Transport,
} from '@nestjs/microservices';
import { getDataSourceToken, InjectDataSource, TypeOrmModule } from '@nestjs/typeorm';
import { IsInt } from 'class-validator';
import { firstValueFrom, map } from 'rxjs';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ActionController,
  DATA_SOURCE,
  DEVICEHIVE,
  DeviceHiveModule,
  DeviceHiveServer,
  PublicAction,
} from '../src/index.js';
import { TestClient } from './support/client.js';
import { learn } from './support/described-traffic.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';
import { freePort } from './support/mosquitto.js';
import { ADMIN, RecordingLogger, SAMPLE_DEVICE, TestService } from './support/service.js';

class ThingDto {
  @IsInt() size!: number;
}

/** The application's own: HTTP routes, and handlers that name no transport. */
@Controller()
class ThingsController {
  readonly events: unknown[] = [];

  constructor(@InjectDataSource() readonly database: DataSource) {}

  @Get('health')
  health() {
    return 'of the application';
  }

  @Get('docs')
  docs() {
    return 'docs of the application';
  }

  @Post('things')
  create(@Body() { size }: ThingDto) {
    return { size };
  }

  @MessagePattern('sum')
  sum(@Payload() numbers: number[]) {
    return numbers.reduce((a, b) => a + b, 0);
  }

  @MessagePattern('command/list')
  list() {
    return 'of the application';
  }

  @EventPattern('command/insert')
  inserted(@Payload() data: unknown) {
    this.events.push(data);
  }
}

@ActionController()
class SlowController {
  static finish: () => void = () => {};
  static begun: () => void = () => {};

  @MessagePattern('slow/work', DEVICEHIVE)
  @PublicAction()
  async work() {
    const finished = new Promise<void>((resolve) => (SlowController.finish = resolve));
    SlowController.begun();
    await finished;
    return { done: true };
  }
}

/** Imported by the application and not handed to the module. */
@Module({ controllers: [SlowController] })
class SlowModule {}
learn([SlowModule]);

@Injectable()
class KeyGuard implements CanActivate {
  canActivate(host: ExecutionContext): boolean {
    return host.switchToHttp().getRequest<{ headers: { key?: string } }>().headers.key === 'mine';
  }
}

@Injectable()
class WrapInterceptor implements NestInterceptor {
  intercept(_host: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((data: unknown) => ({ wrapped: data })));
  }
}

@Catch()
class TeapotFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost) {
    const status = error instanceof HttpException ? error.getStatus() : 500;
    const response = host
      .switchToHttp()
      .getResponse<{ status(code: number): { json(body: object): void } }>();
    response.status(418).json({ teapot: status });
  }
}

@Injectable()
class Settings {
  static environment: Record<string, string> = {};
  readonly environment = Settings.environment;
}
@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({ type: 'postgres', url: Settings.environment.DATABASE_URL }),
    }),
    DeviceHiveModule.forRootAsync({
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: ({ environment }: Settings) => ({ environment }),
      health: 'devicehive/health',
      docs: false,
    }),
    SlowModule,
  ],
  controllers: [ThingsController],
  providers: [
    { provide: APP_GUARD, useClass: KeyGuard },
    { provide: APP_INTERCEPTOR, useClass: WrapInterceptor },
    { provide: APP_FILTER, useClass: TeapotFilter },
  ],
})
class AppModule {}

let environment: TestEnvironment;
let app: INestApplication;
let client: TestClient;
let tcp: ClientProxy;
const logger = new RecordingLogger();

/** As the documentation says, and a TCP microservice beside it. */
async function start(): Promise<void> {
  const port = await freePort();
  app = await NestFactory.create(AppModule, { logger, abortOnError: false });
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }));
  app.connectMicroservice({ strategy: app.get(DeviceHiveServer) });
  app.connectMicroservice({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  tcp = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
}

beforeAll(async () => {
  environment = await createEnvironment();
  Settings.environment = environment.env;
  await start();
  client = await TestClient.connect(app.get(DeviceHiveServer).brokerUrl!, ADMIN);
});
afterAll(async () => {
  await client?.end();
  tcp?.close();
  await app?.close();
  await environment?.dispose();
});

const http = async (path: string, init: RequestInit = {}) => {
  const headers = { key: 'mine', 'content-type': 'application/json' };
  const response = await fetch(`${await app.getUrl()}${path}`, { headers, ...init });
  return [response.status, await response.json()];
};

describe('beside HTTP routes and a TCP microservice', () => {
  it("answers requests whatever the application's pipe, guard, interceptor and filter are", async () => {
    const command = { command: 'led/on', unknown: true };
    const reply = await client.request('command/insert', { deviceId: SAMPLE_DEVICE, command, unknown: 1 });
    expect(reply).toMatchObject({ status: 'success', command: { id: expect.any(Number) } });
    expect(await client.request('command/insert', { deviceId: SAMPLE_DEVICE, command: 5 })).toMatchObject({
      code: 400,
    });
  });

  it("leaves the application's routes to its own pipe, guard, interceptor and filter", async () => {
    const post = (body: object) => http('/things', { method: 'POST', body: JSON.stringify(body) });
    expect(await post({ size: 1 })).toEqual([201, { wrapped: { size: 1 } }]);
    expect(await post({ size: 'x' })).toEqual([418, { teapot: new BadRequestException().getStatus() }]);
    expect(await http('/things', { headers: {} })).toEqual([418, { teapot: 404 }]);
    expect(await http('/health', { headers: {} })).toEqual([418, { teapot: 403 }]);
  });

  it("has its health endpoints where it is told, and not in the place of the application's", async () => {
    expect(await http('/health')).toEqual([200, { wrapped: 'of the application' }]);
    expect(await http('/health/ready')).toEqual([418, { teapot: 404 }]);
    expect(await http('/devicehive/health/ready')).toMatchObject([200, { wrapped: { status: 'ok' } }]);
  });

  it('leaves the paths of its API description to the application where told', async () => {
    expect(await http('/docs')).toEqual([200, { wrapped: 'docs of the application' }]);
    expect(await http('/asyncapi.json')).toEqual([418, { teapot: 404 }]);
  });

  it('keeps its handlers to itself, and the others out', async () => {
    expect(await firstValueFrom(tcp.send('sum', [1, 2]))).toBe(3);
    expect(await firstValueFrom(tcp.send('command/list', {}))).toBe('of the application');
    await expect(firstValueFrom(tcp.send('command/get', {}))).rejects.toThrow('no matching message handler');
    expect(await client.request('sum')).toMatchObject({ status: 'error', code: 400 });
    expect(await client.request('command/list', { deviceId: SAMPLE_DEVICE })).toMatchObject({
      status: 'success',
      commands: expect.any(Array),
    });
    expect(app.get(ThingsController).events).toEqual([]);
  });

  it("has a data source of its own beside the application's", async () => {
    const own = app.get<DataSource>(getDataSourceToken(DATA_SOURCE));
    const { database } = app.get(ThingsController);
    expect(database).not.toBe(own);
    expect(database.entityMetadatas).toEqual([]);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('when the application closes', () => {
  it('answers what is in work first, and closes after it', async () => {
    const begun = new Promise<void>((resolve) => (SlowController.begun = resolve));
    const order: string[] = [];
    const reply = client.request('slow/work').finally(() => order.push('reply'));
    await begun;
    const closed = app.close().finally(() => order.push('closed'));
    await expect.poll(() => app.get(DeviceHiveServer).state).toBe('down');
    SlowController.finish();
    expect(await reply).toMatchObject({ status: 'success', done: true });
    await closed;
    expect(order).toEqual(['reply', 'closed']);
    expect(app.get<DataSource>(getDataSourceToken(DATA_SOURCE)).isInitialized).toBe(false);
  });
});

describe('the start of the application', () => {
  it('fails where a variable is wrong, which is named', async () => {
    Settings.environment = { ...environment.env, MQTT_PORT: 'x' };
    await expect(start()).rejects.toThrow('MQTT_PORT must be an integer from 0 to 65535 (it is "x")');
  });

  it('fails where the port is taken, and closes', async () => {
    const holder: Server = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    Settings.environment = { ...environment.env, MQTT_PORT: String(port) };
    await expect(start()).rejects.toThrow(`Port ${port} on 127.0.0.1 is taken: set MQTT_PORT`);
    await app.close();
    holder.close();
  });

  it('is told in the log where it starts no microservices, and only there', async () => {
    const connected = await TestService.start();
    const told = () =>
      [connected.logger, logger]
        .flatMap(({ lines }) => lines)
        .filter((line) => /No client is let in yet/.test(line));
    Settings.environment = environment.env;
    app = await NestFactory.create(AppModule, { logger, abortOnError: false });
    try {
      await app.listen(0, '127.0.0.1');
      await expect.poll(() => told().length, { timeout: 10_000 }).toBeGreaterThan(0);
      expect(told()).toHaveLength(1);
    } finally {
      await app.close();
      await connected.stop();
    }
  });
});
