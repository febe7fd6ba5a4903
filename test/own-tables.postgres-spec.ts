import { Injectable, Module } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { getDataSourceToken, InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { IsInt, IsString } from 'class-validator';
import {
  Column,
  type DataSource,
  Entity,
  type MigrationInterface,
  PrimaryGeneratedColumn,
  type QueryRunner,
} from 'typeorm';
import { Repository } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  ActionController,
  createApp,
  CurrentPrincipal,
  DATA_SOURCE,
  DEVICEHIVE,
  migrate,
  type Principal,
  RequirePermission,
  type RunningApp,
  VisibleDevices,
} from '../src/index.js';
import { TestClient } from './support/client.js';
import { learn } from './support/described-traffic.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';
import { ADMIN, RecordingLogger, SAMPLE_DEVICE } from './support/service.js';

@Entity()
class Reboot {
  @PrimaryGeneratedColumn() id!: number;
  @Column() device!: string;
  @Column() seconds!: number;
}

class CreateReboot1764300000000 implements MigrationInterface {
  readonly name = 'CreateReboot1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE TABLE reboot (id serial PRIMARY KEY, device text NOT NULL, seconds integer NOT NULL)',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE reboot');
  }
}

class RebootDto {
  @IsString() deviceId!: string;
  @IsInt() seconds!: number;
}

@Injectable()
class RebootService {
  constructor(
    @InjectRepository(Reboot, DATA_SOURCE) private readonly reboots: Repository<Reboot>,
    private readonly devices: VisibleDevices,
  ) {}

  async schedule(principal: Principal, { deviceId, seconds }: RebootDto): Promise<Reboot> {
    const { deviceId: device } = await this.devices.get(principal, deviceId);
    return this.reboots.save({ device, seconds });
  }
}

@ActionController()
class RebootController {
  constructor(private readonly reboots: RebootService) {}

  @MessagePattern('reboot/schedule', DEVICEHIVE, { isRepeatable: true })
  @RequirePermission('ManageReboot')
  async schedule(@Payload() request: RebootDto, @CurrentPrincipal() principal: Principal) {
    return { reboot: await this.reboots.schedule(principal, request) };
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([Reboot], DATA_SOURCE)],
  controllers: [RebootController],
  providers: [RebootService],
})
class RebootModule {}
learn([RebootModule]);

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

const options = () => ({
  environment: test.env,
  actions: [RebootModule],
  migrations: [CreateReboot1764300000000],
});

it('refuses to start on a server without the migration of a module, names it and the command', async () => {
  await expect(createApp(options(), new RecordingLogger())).rejects.toThrow(
    'The database schema is not up to date: run "npm run migrate" first (it lacks CreateReboot1764300000000)',
  );
});

it('keeps rows of a module in a table of its own, which migrate creates once', async () => {
  expect(await migrate(options())).toEqual(['CreateReboot1764300000000']);
  expect(await migrate(options())).toEqual([]);
  running = await createApp(options(), new RecordingLogger());
  const client = await TestClient.connect(running.mqttUrl, ADMIN);
  expect(await client.request('reboot/schedule', { deviceId: SAMPLE_DEVICE, seconds: 5 })).toMatchObject({
    status: 'success',
    reboot: { id: 1, device: SAMPLE_DEVICE, seconds: 5 },
  });
  expect(await client.request('reboot/schedule', { deviceId: 'no-such', seconds: 5 })).toMatchObject({
    code: 404,
    error: 'Device with such deviceId = no-such not found',
  });
  await client.end();
});

it('a transaction of a repeatable action whose session is read-only is begun again on a fresh one, at QoS 1', async () => {
  await migrate(options());
  const environment = { ...test.env, DATABASE_POOL_SIZE: '1' };
  running = await createApp({ ...options(), environment }, new RecordingLogger());
  const client = await TestClient.connect(running.mqttUrl, ADMIN);
  const dataSource = running.app.get<DataSource>(getDataSourceToken(DATA_SOURCE));
  await dataSource.query('SET default_transaction_read_only = on');
  const request = { deviceId: SAMPLE_DEVICE, seconds: 5 };
  expect(await client.request('reboot/schedule', request)).toMatchObject({ reboot: { seconds: 5 } });
  expect(await dataSource.query('SELECT count(*)::int AS n FROM reboot')).toEqual([{ n: 1 }]);
  await client.end();
});

it('goes on without the migration of a module that is not installed any more', async () => {
  await migrate(options());
  running = await createApp({ environment: test.env }, new RecordingLogger());
  expect(running.server.state).toBe('active');
});
