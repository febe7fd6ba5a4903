import { Module } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { IsString } from 'class-validator';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ActionController } from '../src/actions/action-controller.decorator.js';
import { VisibleDevices } from '../src/actions/visible-devices.js';
import { CurrentPrincipal, type Principal } from '../src/auth/principal.js';
import { PublicAction, RequirePermission } from '../src/auth/require-permission.decorator.js';
import { DEVICEHIVE } from '../src/transport/devicehive.context.js';
import { Outage } from '../src/transport/intake/outage.js';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { TcpProxy } from './support/tcp-proxy.js';

class DeviceDto {
  @IsString() deviceId!: string;
}

let end: (result: object) => void;

@ActionController()
class SlowController {
  constructor(private readonly devices: VisibleDevices) {}

  @MessagePattern('slow/wait', DEVICEHIVE)
  @PublicAction()
  wait() {
    return new Promise<object>((resolve) => (end = resolve));
  }

  @MessagePattern('slow/device', DEVICEHIVE)
  @RequirePermission('GetDevice')
  async device(@Payload() { deviceId }: DeviceDto, @CurrentPrincipal() principal: Principal) {
    return { device: await this.devices.get(principal, deviceId) };
  }

  @MessagePattern('slow/hangs-behind', DEVICEHIVE)
  @RequirePermission('GetDevice')
  async hangsBehind(@Payload() { deviceId }: DeviceDto, @CurrentPrincipal() principal: Principal) {
    await this.devices.get(principal, deviceId);
    return new Promise<never>(() => {});
  }
}

@Module({ controllers: [SlowController] })
class SlowModule {}

const TIMEOUT = { code: 504, error: 'The action took longer than 500 ms' };
const body = { deviceId: SAMPLE_DEVICE };

let service: TestService;
let database: TcpProxy;
let client: TestClient;

beforeAll(async () => {
  service = await TestService.start(
    async ({ DATABASE_URL }) => {
      database = await TcpProxy.start(DATABASE_URL!);
      return { DATABASE_URL: database.url, ACTION_TIMEOUT_MS: '500' };
    },
    [SlowModule],
  );
  client = await service.connectAdmin();
});
beforeEach(() => database.up());
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  await service?.stop();
  database?.stop();
});

/** Until what is held has been tried again so often; the fifth attempt is 750 ms after the first. */
const untilTried = async (wait: { mock: { calls: unknown[] } }, times: number) => {
  await expect.poll(() => wait.mock.calls.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(times);
};

describe('while the database is away', () => {
  it('the time of a handler that is at work stands still, and runs again afterwards', async () => {
    const wait = vi.spyOn(Outage.prototype, 'wait');
    database.down();
    const held = client.request('device/get', body);
    await untilTried(wait, 1);
    const slow = client.request('slow/wait');
    await untilTried(wait, 6);
    end({ ended: true });
    database.up();
    expect(await slow).toMatchObject({ status: 'success', ended: true });
    expect(await held).toMatchObject({ status: 'success' });
    expect(await client.request('slow/wait')).toMatchObject(TIMEOUT);
  });

  it('a request of an extension is held and tried again as any other', async () => {
    const wait = vi.spyOn(Outage.prototype, 'wait');
    database.down();
    const held = client.request('slow/device', body);
    await untilTried(wait, 6);
    database.up();
    expect(await held).toMatchObject({ status: 'success', device: { deviceId: SAMPLE_DEVICE } });
  });

  it('requests that were held and hang when they are tried again are given up, and the outage is over', async () => {
    const wait = vi.spyOn(Outage.prototype, 'wait');
    database.down();
    const held = [1, 2].map(() => client.request('slow/hangs-behind', body));
    await untilTried(wait, 6);
    const before = service.logger.lines.length;
    database.up();
    for (const reply of await Promise.all(held)) expect(reply).toMatchObject(TIMEOUT);
    await expect
      .poll(() => service.logger.lines.slice(before).join('\n'))
      .toContain('No request waits for the database any more');
  });
});
