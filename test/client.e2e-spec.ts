import { RpcException } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DeviceCommand, DeviceHiveClient } from '../src/client/index.js';
import { describeClient, Watch } from './support/client-contract.js';
import { MqttProxy } from './support/proxy.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
let proxy: MqttProxy;

beforeAll(async () => {
  service = await TestService.start();
  proxy = await MqttProxy.start(service.mqttUrl);
});
afterAll(async () => {
  await proxy?.stop();
  await service?.stop();
});

describeClient('the built-in broker', () => ({
  proxy,
  options: () => ({}),
  sql: (statement, parameters) => service.sql(statement, parameters),
  hearsUnknownActions: true,
}));

describe('on the built-in broker', () => {
  const deviceId = SAMPLE_DEVICE;

  async function using<Result>(
    options: object,
    use: (client: DeviceHiveClient) => Promise<Result>,
  ): Promise<Result> {
    const client = new DeviceHiveClient({ url: proxy.url, reconnectPeriod: 50, ...options });
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  }
  const watchInserts = (client: DeviceHiveClient) =>
    Watch.of((live) => client.events('command/insert', { deviceId }, live));

  it('login and password do without a token', () =>
    using(ADMIN, async (client) => {
      const watch = watchInserts(client);
      await watch.live();
      await firstValueFrom(client.send('command/insert', { deviceId, command: { command: 'by login' } }));
      expect(await watch.has(1)).toMatchObject([{ command: 'by login' }]);
    }));

  it('a wrong password is named, and tried again', () =>
    using({ ...ADMIN, password: 'wrong', timeout: 300 }, async (client) => {
      await expect(client.connect()).rejects.toThrow('Connection refused: Not authorized');
      await expect(firstValueFrom(client.send('server/info', {}))).rejects.toThrow('Not authorized');
    }));

  it('MQTT 5 is refused with a reason', () =>
    using({ ...ADMIN, protocolVersion: 5 }, async (client) => {
      await expect(client.connect()).rejects.toThrow('Unacceptable protocol version');
    }));

  const expiries: number[] = [];
  /** The first one soon; an event at the end of the second one would be lost. */
  const expiring = () => {
    const e = Date.now() + (expiries.length === 0 ? 1_500 : 3_600_000);
    expiries.push(e);
    return signToken({ e });
  };

  it('a stream goes on when its token is renewed', () =>
    using({ token: expiring }, async (client) => {
      const watch = watchInserts(client);
      await watch.live();
      const authenticated = () =>
        proxy.packets.filter(
          ({ packet }) => packet.cmd === 'publish' && packet.topic.includes('authenticate'),
        );
      const before = authenticated().length;
      await expect.poll(() => authenticated().length, { timeout: 5_000 }).toBe(before + 1);
      await expect.poll(() => Date.now(), { timeout: 5_000 }).toBeGreaterThan(expiries[0]!);
      await firstValueFrom(client.send('command/insert', { deviceId, command: { command: 'later' } }));
      await watch.has(1);
      expect(watch.error).toBeUndefined();
    }));

  const expectToGoOn = async (client: DeviceHiveClient, watch: Watch<DeviceCommand>, command: string) => {
    await firstValueFrom(client.send('command/insert', { deviceId, command: { command } }));
    await expect
      .poll(() => watch.events.map((event) => event.command), { timeout: 5_000 })
      .toContain(command);
    expect(watch.error).toBeUndefined();
  };

  it('a stream goes on when its token is renewed at the second attempt', () => {
    let calls = 0;
    const token = () => {
      if (++calls === 2) throw new Error('the vault is sealed');
      return signToken({ e: Date.now() + (calls === 1 ? 2_000 : 3_600_000) });
    };
    return using({ token }, async (client) => {
      const watch = watchInserts(client);
      await watch.live();
      await expect.poll(() => calls, { timeout: 10_000 }).toBe(3);
      await expectToGoOn(client, watch, 'after a failure');
    });
  });

  it.each([503, 504])('a stream waits for a supplier that fails with %s', (code) => {
    let calls = 0;
    const token = () => {
      if (++calls === 1) throw new RpcException({ code, message: 'away' });
      return signToken();
    };
    return using({ token }, async (client) => {
      const watch = watchInserts(client);
      await watch.live();
      await expectToGoOn(client, watch, `after ${code}`);
      expect(calls).toBe(2);
    });
  });

  it('a stream outlives a connection that breaks while its token is renewed', () => {
    const isAuthenticate: MqttProxy['drop'] = (_, packet) =>
      packet.cmd === 'publish' &&
      packet.topic.startsWith('dh/request') &&
      `${packet.payload}`.includes('authenticate');
    let calls = 0;
    const token = () => signToken({ e: Date.now() + (++calls === 1 ? 1_500 : 3_600_000) });
    return using({ token }, async (client) => {
      const watch = watchInserts(client);
      await watch.live();
      proxy.drop = isAuthenticate;
      const wasDropped = () =>
        proxy.packets.some(({ isDropped, packet }) => isDropped && isAuthenticate('toBroker', packet));
      await expect.poll(wasDropped, { timeout: 5_000 }).toBe(true);
      proxy.drop = () => false;
      proxy.cut();
      await watch.live(2);
      await expectToGoOn(client, watch, 'after a break');
    });
  });

  it('a stream fails when its token expires and there is no other', () =>
    using({ token: signToken({ e: Date.now() + 1_500 }) }, async (client) => {
      const watch = watchInserts(client);
      await watch.live();
      await expect.poll(() => watch.error, { timeout: 5_000 }).toBeDefined();
      expect(watch.error).toMatchObject({ message: 'Token expired' });
    }));

  it('a stream without a valid token fails', () =>
    using({ token: 'rubbish' }, async (client) => {
      const watch = watchInserts(client);
      await expect
        .poll(() => watch.error, { timeout: 5_000 })
        .toMatchObject({ message: 'Invalid credentials' });
    }));

  it('a stream without any token fails', () =>
    using({}, async (client) => {
      const watch = watchInserts(client);
      await expect
        .poll(() => watch.error, { timeout: 5_000 })
        .toMatchObject({ message: expect.stringContaining('refuses') });
    }));

  it('with a stored session a stream gets what happened while it was away', () =>
    using({ token: signToken(), clean: false, clientId: 'keeps-its-session' }, async (client) => {
      const watch = watchInserts(client);
      await watch.live();
      proxy.refuse(true);
      proxy.cut();
      await expect
        .poll(() => client.unwrap<{ connected: boolean }>().connected, { timeout: 5_000 })
        .toBe(false);
      const other = await service.connectAdmin();
      await other.request('command/insert', { deviceId, command: { command: 'meanwhile' } });
      proxy.refuse(false);
      await watch.has(1);
      expect(watch.events[0]).toMatchObject({ command: 'meanwhile' });
    }));
});
