import { Controller, Get } from '@nestjs/common';
import {
  HealthCheck,
  HealthCheckService,
  HealthIndicatorService,
  TypeOrmHealthIndicator,
} from '@nestjs/terminus';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../database/data-source.name.js';
import { DeviceHiveServer } from '../transport/devicehive.server.js';

const DATABASE_TIMEOUT_MS = 2_000;

/** For orchestrators: is the process alive, and would it answer a request. */
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly database: TypeOrmHealthIndicator,
    private readonly server: DeviceHiveServer,
    @InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource,
  ) {}

  /** 200 as long as the event loop turns. */
  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /**
   * 200 when requests reach the service and the database answers, or when it stands by for another replica; else
   * 503, naming what is not.
   */
  @Get('ready')
  @HealthCheck()
  ready() {
    return this.health.check([
      () => this.broker(),
      () =>
        this.database.pingCheck('database', { connection: this.dataSource, timeout: DATABASE_TIMEOUT_MS }),
    ]);
  }

  private broker() {
    const indicator = this.indicators.check('broker');
    const { state: role, unknownSenders } = this.server;
    return role === 'down'
      ? indicator.down('requests do not arrive')
      : indicator.up({ role, unknownSenders });
  }
}
