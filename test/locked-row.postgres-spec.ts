import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generate, type IPublishPacket } from 'mqtt-packet';
import { DataSource } from 'typeorm';
import type { RawClient } from './support/raw-client.js';
import { connectRawAdmin, SAMPLE_DEVICE, TestService } from './support/service.js';

const HOLD_MS = 6_000;
const PIPELINED = 64;

let service: TestService;

beforeAll(async () => {
  service = await TestService.start({ REQUEST_DEADLINE_MS: '8000' });
});
afterAll(() => service?.stop());

const update = (commandId: number, status: string) =>
  JSON.stringify({ action: 'command/update', deviceId: SAMPLE_DEVICE, commandId, command: { status } });

const connect = (clientId: string) => connectRawAdmin(service.mqttUrl, clientId, { keepalive: 1 });

describe('a locked row', () => {
  it('keeps a device connected that pings while its 64 pipelined updates wait 6 s', async () => {
    const id = await service.insertCommand();
    const { unlock } = await service.lock(id);
    const device = await connect('patient');
    for (let i = 1; i <= PIPELINED; i++) device.publish(update(id, `s${i}`), { qos: 1, messageId: i });
    const pings = setInterval(() => device.write({ cmd: 'pingreq' }), 500);
    try {
      const lockedAt = Date.now();
      await device.until(() => device.packets.filter(({ cmd }) => cmd === 'pingresp').length >= 12);
      await expect.poll(() => Date.now() - lockedAt, { timeout: HOLD_MS * 2 }).toBeGreaterThan(HOLD_MS);
      expect(device.packets.filter(({ cmd }) => cmd === 'puback')).toEqual([]);
      expect(device.closed).toBe(false);
      await unlock();
      await device.packet('puback', ({ messageId }) => messageId === PIPELINED);
    } finally {
      clearInterval(pings);
    }
    const acknowledged = device.packets.flatMap((p) => (p.cmd === 'puback' ? [p.messageId] : []));
    expect(acknowledged).toEqual(Array.from({ length: PIPELINED }, (_, i) => i + 1));
    expect(await service.command(id)).toMatchObject({ status: `s${PIPELINED}` });
    device.end();
  });

  it('keeps a device connected that is not read any more because 200 of its updates wait', async () => {
    const id = await service.insertCommand();
    const { unlock } = await service.lock(id);
    const device = await connect('impatient');
    for (let i = 1; i <= 200; i++) device.publish(update(id, `s${i}`), { qos: 1, messageId: i });
    const lockedAt = Date.now();
    await expect.poll(() => Date.now() - lockedAt, { timeout: 5_000 }).toBeGreaterThan(3_000);
    await unlock();
    await device.packet('puback', ({ messageId }) => messageId === 200);
    expect(device.closed).toBe(false);
    device.end();
  });

  it('does not hold up updates of other commands', async () => {
    const [locked, free] = [await service.insertCommand(), await service.insertCommand()];
    const { unlock } = await service.lock(locked);
    const waiting = await connect('waits');
    for (let i = 1; i <= 32; i++) waiting.publish(update(locked, `s${i}`), { qos: 1, messageId: i });
    const client = await service.connectAdmin();
    const other = { deviceId: SAMPLE_DEVICE, commandId: free, command: { status: 'free' } };
    expect(await client.request('command/update', other)).toMatchObject({ status: 'success' });
    await unlock();
    await waiting.packet('puback', ({ messageId }) => messageId === 32);
    waiting.end();
  });

  it('is given up on at the deadline with 503, and nothing is applied', async () => {
    const impatient = await TestService.start({ REQUEST_DEADLINE_MS: '300' });
    try {
      const id = await impatient.insertCommand();
      const { unlock } = await impatient.lock(id);
      const client = await impatient.connectAdmin();
      const body = { deviceId: SAMPLE_DEVICE, commandId: id, command: { status: 'late' } };
      expect(await client.request('command/update', body)).toMatchObject({
        code: 503,
        error: 'The row is locked by somebody else, try again',
      });
      await unlock();
      expect((await impatient.command(id)).status).toBeNull();
    } finally {
      await impatient.stop();
    }
  });
});

describe('requests that wait behind others of their command', () => {
  it('take no place from others, however many they are', async () => {
    const small = await TestService.start({ MAX_IN_FLIGHT: '2' });
    try {
      const [locked, free] = [await small.insertCommand(), await small.insertCommand()];
      const { unlock } = await small.lock(locked);
      const waiting = await connectRawAdmin(small.mqttUrl, 'waits');
      for (let i = 1; i <= 32; i++) waiting.publish(update(locked, `s${i}`), { qos: 1, messageId: i });
      const client = await small.connectAdmin();
      const other = { deviceId: SAMPLE_DEVICE, commandId: free, command: { status: 'free' } };
      expect(await client.request('command/update', other)).toMatchObject({ status: 'success' });
      expect(await client.request('command/update', other, 0)).toMatchObject({ status: 'success' });
      expect(waiting.packets.filter(({ cmd }) => cmd === 'puback')).toEqual([]);
      await unlock();
      await waiting.packet('puback', ({ messageId }) => messageId === 32);
      waiting.end();
    } finally {
      await small.stop();
    }
  });

  it('take no place from others, nor do lists of one device', async () => {
    const small = await TestService.start({ MAX_IN_FLIGHT: '2' });
    const holder = small.dataSource.createQueryRunner();
    try {
      await holder.startTransaction();
      await holder.query('LOCK TABLE device_command IN ACCESS EXCLUSIVE MODE');
      const [lister, other] = await Promise.all([small.connectAdmin(), small.connectAdmin()]);
      const lists = Array.from({ length: 8 }, () =>
        lister.request('command/list', { deviceId: SAMPLE_DEVICE }),
      );
      const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      await expect.poll(async () => (await small.sql(waiting)).length).toBe(1);
      expect(await other.request('device/get', { deviceId: SAMPLE_DEVICE })).toMatchObject({
        status: 'success',
      });
      await holder.commitTransaction();
      for (const list of await Promise.all(lists)) expect(list).toMatchObject({ status: 'success' });
    } finally {
      await holder.release();
      await small.stop();
    }
  });

  it('are not read any further where they are too many bytes, and are all executed in the end', async () => {
    const id = await service.insertCommand();
    const { unlock } = await service.lock(id);
    const large = JSON.stringify({
      action: 'command/get',
      deviceId: SAMPLE_DEVICE,
      commandId: id,
      ignored: 'x'.repeat(900_000),
    });
    const devices = await Promise.all(['big-1', 'big-2', 'big-3'].map(connect));
    let sent = 0;
    const send = async ({ socket }: RawClient) => {
      for (let messageId = 1; messageId <= 64; messageId++) {
        const payload = messageId === 1 ? update(id, 'first') : large;
        const request = { cmd: 'publish', topic: 'dh/request', payload, qos: 1, messageId } as IPublishPacket;
        await new Promise((written) => socket.write(generate(request), written));
        sent += payload.length;
      }
    };
    const sending = devices.map(send);
    let before = -1;
    const standsStill = () => {
      const isSame = before === sent;
      before = sent;
      return isSame;
    };
    await expect.poll(standsStill, { interval: 1_000, timeout: 10_000 }).toBe(true);
    // And what the sockets hold, of 170 MB.
    expect(sent).toBeLessThan(110_000_000);
    await unlock();
    for (const device of devices) {
      await device.packet('puback', ({ messageId }) => messageId === 64);
      device.end();
    }
    await Promise.all(sending);
  });

  it('are executed however long that takes, where nobody holds the row', async () => {
    const slow = await TestService.start({ REQUEST_DEADLINE_MS: '200' });
    try {
      const id = await slow.insertCommand();
      await slow.sql(`CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.02); RETURN NULL; END'`);
      await slow.sql(`CREATE TRIGGER slow AFTER UPDATE ON device_command
        FOR EACH STATEMENT EXECUTE FUNCTION take_time()`);
      const client = await connectRawAdmin(slow.mqttUrl, 'patient');
      await client.subscribe('dh/response/#', 1);
      for (let i = 1; i <= 60; i++) client.publish(update(id, `s${i}`), { qos: 1, messageId: i });
      await client.packet('puback', ({ messageId }) => messageId === 60);
      const replies = client.packets.flatMap((p) =>
        p.cmd === 'publish' ? [JSON.parse(p.payload.toString()) as { status: string }] : [],
      );
      expect(replies.filter(({ status }) => status !== 'success')).toEqual([]);
      expect(await slow.command(id)).toMatchObject({ status: 's60' });
      client.end();
    } finally {
      await slow.stop();
    }
  });
});

describe('a database that goes away', () => {
  it('costs QoS 0 a 503 and no more: the service goes on when it is back', async () => {
    const client = await service.connectAdmin();
    const commandId = await service.insertCommand();
    const body = { deviceId: SAMPLE_DEVICE, commandId, command: { status: 'x' } };
    await client.request('command/update', body);
    const [{ name }] = (await service.sql('SELECT current_database() AS name')) as [{ name: string }];
    const server = await new DataSource({
      type: 'postgres',
      url: process.env.TEST_DATABASE_URL,
    }).initialize();
    try {
      await server.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      await server.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
      await expect
        .poll(() => fetch(`${service.httpUrl}/health/ready`).then(({ status }) => status))
        .toBe(503);
      expect(await client.request('command/update', body, 0)).toMatchObject({
        code: 503,
        error: 'Database is unavailable, try again',
      });
      expect((await fetch(`${service.httpUrl}/health/live`)).status).toBe(200);
    } finally {
      await server.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
      await server.destroy();
    }
    expect(await client.request('command/update', body)).toMatchObject({ status: 'success' });
    expect((await fetch(`${service.httpUrl}/health/ready`)).status).toBe(200);
  });
});
