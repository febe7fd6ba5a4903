import { Controller, Get } from '@nestjs/common';
import {
  HealthCheck,
  HealthCheckService,
  HealthIndicatorService,
  TypeOrmHealthIndicator,
} from '@nestjs/terminus';
import { DeviceHiveServer } from '../transport/devicehive.server.js';

const DATABASE_TIMEOUT_MS = 2_000;

/** For orchestrators: is the process alive, and would it answer a request. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly database: TypeOrmHealthIndicator,
    private readonly server: DeviceHiveServer,
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
      () => this.database.pingCheck('database', { timeout: DATABASE_TIMEOUT_MS }),
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
