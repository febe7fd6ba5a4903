import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../database/data-source.name.js';
import { DeviceHiveServer } from '../transport/devicehive.server.js';

const DATABASE_TIMEOUT_MS = 2_000;
/** Changes no row, and fails where none could be changed. */
const WRITE_NOTHING = 'UPDATE leadership SET epoch = epoch WHERE false';

/** For orchestrators: is the process alive, and would it answer a request. */
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly server: DeviceHiveServer,
    @InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource,
  ) {}

  /** 200 as long as the event loop turns. */
  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /**
   * 200 when requests reach the service and the database takes writes, or when it stands by for another replica; else
   * 503, naming what is not.
   */
  @Get('ready')
  @HealthCheck()
  ready() {
    return this.health.check([() => this.broker(), () => this.database()]);
  }

  private broker() {
    const indicator = this.indicators.check('broker');
    const { state: role, unknownSenders } = this.server;
    return role === 'down'
      ? indicator.down('requests do not arrive')
      : indicator.up({ role, unknownSenders });
  }

  private async database() {
    const indicator = this.indicators.check('database');
    const late = delay(DATABASE_TIMEOUT_MS, `no answer in ${DATABASE_TIMEOUT_MS} ms`, { ref: false });
    const failure = this.dataSource.query(WRITE_NOTHING).then(
      () => undefined,
      () => 'no write is possible',
    );
    const reason = await Promise.race([failure, late]);
    return reason === undefined ? indicator.up() : indicator.down(reason);
  }
}
