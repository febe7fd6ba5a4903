import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TestClient } from './support/client.js';
import { EventSubscriptions } from '../src/subscriptions/event-subscriptions.js';
import { Outage } from '../src/transport/intake/outage.js';
import { RawClient } from './support/raw-client.js';
import { connectRawAdmin, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';
import { TcpProxy } from './support/tcp-proxy.js';

let service: TestService;
let database: TcpProxy;
let admin: TestClient;

const start = () =>
  TestService.start(async ({ DATABASE_URL }) => {
    database = await TcpProxy.start(DATABASE_URL!);
    return { DATABASE_URL: database.url };
  });

beforeAll(async () => {
  service = await start();
  admin = await service.connectAdmin();
});
beforeEach(() => database.up());
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  await service?.stop();
  database?.stop();
});

const update = (commandId: number, status: string, more: object = {}) => ({
  deviceId: SAMPLE_DEVICE,
  commandId,
  command: { status },
  ...more,
});
const untilAway = async () => {
  await expect
    .poll(async () => (await fetch(`${service.httpUrl}/health/ready`)).status, { timeout: 10_000 })
    .toBe(503);
};

describe('a subscription by an action that was held', () => {
  it('is not made any more where its connection is gone', async () => {
    const { byConnection } = service.app.get(EventSubscriptions) as unknown as {
      byConnection: Map<string, unknown>;
    };
    database.down();
    const gone = await RawClient.connect(service.mqttUrl, { clientId: 'gone' });
    const request = { action: 'command/subscribe', requestId: 1, token: signToken() };
    gone.publish(JSON.stringify(request), { qos: 1, messageId: 1 });
    gone.write({ cmd: 'pingreq' });
    await gone.packet('pingresp');
    const held = admin.request('device/get', { deviceId: SAMPLE_DEVICE });
    await expect.poll(() => service.logger.lines.some((line) => line.includes('is away'))).toBe(true);
    gone.socket.destroy();
    await gone.until(() => gone.closed);
    database.up();
    expect(await held).toMatchObject({ status: 'success' });
    expect(byConnection.size).toBe(0);
  });
});

describe('while the database is away', () => {
  it('QoS 1 requests are held, in order, and answered once it is back; QoS 0 is answered 503', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => service.insertCommand()));
    database.down();
    await untilAway();
    const before = service.logger.lines.length;
    const held = ids.flatMap((id) =>
      ['first', 'last'].map((status) => admin.request('command/update', update(id, status))),
    );
    held.push(admin.request('command/insert', { deviceId: SAMPLE_DEVICE, command: { command: 'held' } }));
    held.push(admin.request('device/get', { deviceId: SAMPLE_DEVICE }));
    expect(await admin.request('command/update', update(ids[0]!, 'QoS 0'), 0)).toMatchObject({
      code: 503,
      error: 'Database is unavailable, try again',
    });
    database.up();
    expect(new Set((await Promise.all(held)).map(({ status }) => status))).toEqual(new Set(['success']));
    const rows = await service.sql(
      `SELECT status, count(*)::int FROM device_command WHERE id = ANY ($1) GROUP BY status`,
      [ids],
    );
    expect(rows).toEqual([{ status: 'last', count: 20 }]);
    const inserted = `SELECT count(*)::int AS n FROM device_command WHERE command = 'held'`;
    expect(await service.sql(inserted)).toEqual([{ n: 1 }]);
    const lines = service.logger.lines.slice(before);
    expect(lines.filter((line) => line.startsWith('The database is away'))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('No request waits'))).toHaveLength(1);
  });

  it('held requests are not refused as late, however long it takes', async () => {
    const attempt = vi.spyOn(Outage.prototype, 'wait');
    const late = await TestService.start(async ({ DATABASE_URL }) => {
      database = await TcpProxy.start(DATABASE_URL!);
      return { DATABASE_URL: database.url, REQUEST_DEADLINE_MS: '300' };
    });
    try {
      const client = await late.connectAdmin();
      const id = await late.insertCommand();
      database.down();
      const held = ['1', '2', '3'].map((status) => client.request('command/update', update(id, status)));
      await expect.poll(() => late.logger.lines.filter((line) => /is away/.test(line)).length).toBe(1);
      // The fifth attempt is 750 ms after the first: the pauses are 50 ms, doubled each time.
      await expect.poll(() => attempt.mock.calls.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(5);
      database.up();
      expect((await Promise.all(held)).map(({ status }) => status)).toEqual([
        'success',
        'success',
        'success',
      ]);
      expect((await late.command(id)).status).toBe('3');
    } finally {
      await late.stop();
      database.stop();
    }
  });
});

describe('a change that is committed', () => {
  it('is not said to be lost where its row, too long for the first answer, cannot be read again', async () => {
    const id = await service.insertCommand();
    const long = { text: 'x'.repeat(17_000_000) };
    await service.sql('UPDATE device_command SET result = $2 WHERE id = $1', [id, long]);
    const send = Client.prototype.query as (...call: unknown[]) => unknown;
    vi.spyOn(Client.prototype, 'query').mockImplementation(function (this: Client, ...call: unknown[]) {
      const isReadAgain = JSON.stringify(call[0]).includes('WHERE c.id = $1');
      if (!isReadAgain) return send.apply(this, call);
      return Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
    });
    expect(await admin.request('command/update', update(id, 'stored'), 0)).toMatchObject({
      code: 503,
      error: 'Outcome unknown, it may have been applied',
    });
    expect(await service.sql('SELECT status FROM device_command WHERE id = $1', [id])).toEqual([
      { status: 'stored' },
    ]);
  });
});

describe('a request that the driver cannot send', () => {
  it('is answered 500 after a few attempts, and costs no other its success', async () => {
    const ids = await Promise.all(Array.from({ length: 9 }, () => service.insertCommand()));
    const send = Client.prototype.query as (...call: unknown[]) => unknown;
    let attempts = 0;
    vi.spyOn(Client.prototype, 'query').mockImplementation(function (this: Client, ...call: unknown[]) {
      if (JSON.stringify(call[0]).includes('unsendable')) {
        attempts++;
        throw new TypeError('cannot be sent');
      }
      return send.apply(this, call);
    });
    const replies = await Promise.all(
      ids.map((id, n) => admin.request('command/update', update(id, n === 4 ? 'unsendable' : 'sent'))),
    );
    expect(replies.map(({ code }) => code)).toEqual(ids.map((_, n) => (n === 4 ? 500 : undefined)));
    expect(attempts).toBeLessThan(40);
  });
});

describe('a connection to the database that breaks under way', () => {
  it('costs no QoS 1 request its success, and applies each once', async () => {
    service = await start();
    admin = await service.connectAdmin();
    await admin.subscribe('dh/command/#');
    const requests = Array.from({ length: 300 }, (_, n) =>
      admin.request('command/insert', { deviceId: SAMPLE_DEVICE, command: { command: `cut/${n}` } }),
    );
    const answered = () =>
      admin.messages.filter(({ json }) => json.action === 'command/insert' && json.status);
    for (let cuts = 1; cuts <= 5; cuts++) {
      await expect.poll(() => answered().length, { interval: 1, timeout: 20_000 }).toBeGreaterThan(cuts * 40);
      database.down();
      database.up();
    }
    const replies = await Promise.all(requests);
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set(['success']));
    const stored = async () => {
      const made = `SELECT id FROM device_command WHERE command LIKE 'cut/%'`;
      return (await service.sql<{ id: string }>(made)).map(({ id }) => Number(id)).toSorted();
    };
    // The pool may have a connection left that was cut.
    await expect.poll(stored).toEqual(replies.map(({ command }) => command.id).toSorted());
  });
});

describe('a stop while the database is away', () => {
  it('leaves held requests without PUBACK and reply, for their sender to send again', async () => {
    const stopping = await start();
    const id = await stopping.insertCommand();
    const device = await connectRawAdmin(stopping.mqttUrl, 'holds-on');
    database.down();
    const request = { action: 'command/update', requestId: 1, ...update(id, 'held') };
    device.publish(JSON.stringify(request), { qos: 1, messageId: 7 });
    await expect.poll(() => stopping.logger.lines.some((line) => /is away/.test(line))).toBe(true);
    const stopped = stopping.app.close();
    await device.until(() => device.closed);
    expect(device.packets.filter(({ cmd }) => cmd === 'puback' || cmd === 'publish')).toEqual([]);
    database.up();
    await stopped;
    database.stop();
  });
});
