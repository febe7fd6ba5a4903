import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

let service: TestService;
let client: TestClient;
let watcher: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  client = await service.connectAdmin();
  watcher = await service.connectAdmin();
  await watcher.subscribe('dh/command/#');
  await watcher.subscribe('dh/command_update/#');
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'Other')`);
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('other', 'Other', 2, 1)`,
  );
});
afterAll(() => service?.stop());

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$/;

const insert = (command: unknown, deviceId: unknown = SAMPLE_DEVICE) =>
  client.request('command/insert', { deviceId, command });
const get = (commandId: unknown, deviceId: unknown = SAMPLE_DEVICE) =>
  client.request('command/get', { deviceId, commandId });
const update = (commandId: number, command: object, deviceId = SAMPLE_DEVICE) =>
  client.request('command/update', { deviceId, commandId, command });
const eventOf = (id: number, action: string) =>
  watcher.next(({ json }) => json.action === action && json.command?.id === id);

describe('command/insert', () => {
  it('answers id, timestamp, lastUpdated and userId, and tells the watchers all twelve fields', async () => {
    const fields = { command: 'led/on', parameters: { a: 1 }, lifetime: 9, status: 'new', result: { b: 2 } };
    const reply = await insert(fields);
    expect(Object.keys(reply)).toEqual(['action', 'requestId', 'status', 'command']);
    const { id, timestamp, lastUpdated } = reply.command;
    expect(reply.command).toEqual({ id, timestamp, lastUpdated: timestamp, userId: 1 });
    expect(timestamp).toMatch(TIMESTAMP);
    const { topic, json, packet } = await eventOf(id, 'command/insert');
    expect(topic).toBe(`dh/command/1/1/${SAMPLE_DEVICE}/led/on`);
    expect(packet).toMatchObject({ qos: 1, retain: false });
    expect(json).toEqual({
      action: 'command/insert',
      command: {
        ...fields,
        id,
        timestamp,
        lastUpdated,
        userId: 1,
        deviceId: SAMPLE_DEVICE,
        networkId: 1,
        deviceTypeId: 1,
      },
      subscriptionId: 0,
    });
  });

  it.each([
    ['2018-02-08T15:26:30.123', '2018-02-08T15:26:30.123'],
    ['2018-02-08T15:26:30Z', '2018-02-08T15:26:30.000'],
    ['2018-02-08T15:26:30.123987+02:00', '2018-02-08T13:26:30.123'],
    ['2018-02-08', '2018-02-08T00:00:00.000'],
    ['Thu, 08 Feb 2018 15:26:30 GMT', '2018-02-08T15:26:30.000'],
    [1518103590123, '2018-02-08T15:26:30.123'],
    ['1518103590123', '2018-02-08T15:26:30.123'],
  ])('takes the timestamp %s', async (given, stored) => {
    const { command } = await insert({ command: 'x', timestamp: given });
    expect(command.timestamp).toBe(stored);
    expect((await get(command.id)).command.timestamp).toBe(stored);
  });

  it('needs no name and no other field', async () => {
    const { command } = await insert({});
    const { topic } = await eventOf(command.id, 'command/insert');
    expect(topic).toBe(`dh/command/1/1/${SAMPLE_DEVICE}/`);
  });

  it('encodes in the topic what would break it', async () => {
    const name = 'a/b+c#d@e%f\tü';
    const { command } = await insert({ command: name });
    const { topic, json } = await eventOf(command.id, 'command/insert');
    expect(topic).toBe(`dh/command/1/1/${SAMPLE_DEVICE}/a/b%2Bc%23d%40e%25f%09ü`);
    expect(json.command.command).toBe(name);
  });

  it.each([
    ['no device', { command: {} }, 400, 'Device id is wrong or empty'],
    ['an unknown device', { deviceId: 'x', command: {} }, 404, 'Device with such deviceId = x not found'],
    ['no command', { deviceId: SAMPLE_DEVICE }, 400, 'Command is required'],
    ['null as command', { deviceId: SAMPLE_DEVICE, command: null }, 400, 'Command is required'],
    ['text as command', { deviceId: SAMPLE_DEVICE, command: 'x' }, 400, 'Malformed Json received.'],
    [
      'a list as parameters',
      { deviceId: SAMPLE_DEVICE, command: { parameters: [] } },
      400,
      "'parameters' must be JSON Object!",
    ],
  ])('refuses %s', async (_, body, code, error) => {
    expect(await client.request('command/insert', body)).toMatchObject({ status: 'error', code, error });
  });
});

describe('command/get', () => {
  it('answers all twelve fields, null where empty', async () => {
    const { command } = await insert({ command: 'x' });
    expect((await get(command.id)).command).toEqual({
      ...command,
      command: 'x',
      deviceId: SAMPLE_DEVICE,
      networkId: 1,
      deviceTypeId: 1,
      parameters: null,
      lifetime: null,
      status: null,
      result: null,
    });
  });

  it.each([
    ['no device', { commandId: 1 }, 400, 'Device id is wrong or empty'],
    ['no device and no command', {}, 400, 'Device id is wrong or empty'],
    ['no command', { deviceId: SAMPLE_DEVICE }, 400, 'Command id is wrong or empty'],
    ['an unknown device', { deviceId: 'x', commandId: 1 }, 404, 'Device with such deviceId = x not found'],
    ['an unknown command', { deviceId: SAMPLE_DEVICE, commandId: 0 }, 404, 'Command with id = 0 not found'],
  ])('refuses %s', async (_, body, code, error) => {
    expect(await client.request('command/get', body)).toMatchObject({ status: 'error', code, error });
  });

  it('answers 404 for a command of another device', async () => {
    const { command } = await insert({ command: 'x' }, 'other');
    const error = `Command with id = ${command.id} not found`;
    expect(await get(command.id)).toMatchObject({ code: 404, error });
    expect(await update(command.id, { status: 'stolen' })).toMatchObject({ code: 404, error });
    expect((await service.command(command.id)).status).toBeNull();
  });

  it('shows nothing of a device that was deleted and created again under its id', async () => {
    await service.sql(
      `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('reborn', 'R', 1, 1)`,
    );
    const { command } = await insert({ command: 'old' }, 'reborn');
    await service.sql(`DELETE FROM device WHERE device_id = 'reborn'`);
    await service.sql(
      `INSERT INTO device (device_id, name, network_id, device_type_id) VALUES ('reborn', 'R', 2, 1)`,
    );
    expect(await get(command.id, 'reborn')).toMatchObject({ code: 404 });
  });
});

describe('an event of command/update', () => {
  it('carries the committed row on the topic of its name, and no reply field', async () => {
    const { command } = await insert({ command: 'led/on', parameters: { a: 1 } });
    await update(command.id, { status: 'done', result: { ok: true } });
    const { topic, json, text } = await eventOf(command.id, 'command/update');
    expect(topic).toBe(`dh/command_update/1/1/${SAMPLE_DEVICE}/led/on`);
    expect(Object.keys(json)).toEqual(['action', 'command', 'subscriptionId']);
    expect(Object.keys(json.command)).toEqual([
      'id',
      'command',
      'timestamp',
      'lastUpdated',
      'userId',
      'deviceId',
      'networkId',
      'deviceTypeId',
      'parameters',
      'lifetime',
      'status',
      'result',
    ]);
    expect(json.command).toEqual((await get(command.id)).command);
    expect(json.command.lastUpdated > command.lastUpdated).toBe(true);
    expect(text).toContain('"lifetime":null');
  });

  it('goes out for an empty update too', async () => {
    const { command } = await insert({ command: 'empty' });
    expect(await update(command.id, {})).toMatchObject({ status: 'success' });
    await eventOf(command.id, 'command/update');
  });

  it('names the device’s current network and the command’s new name', async () => {
    const { command } = await insert({ command: 'old' }, 'other');
    await service.sql(`UPDATE device SET network_id = 1 WHERE device_id = 'other'`);
    await update(command.id, { command: 'new' }, 'other');
    expect((await eventOf(command.id, 'command/update')).topic).toBe('dh/command_update/1/1/other/new');
    await service.sql(`UPDATE device SET network_id = 2 WHERE device_id = 'other'`);
  });

  it('does not go out for a refused update', async () => {
    const { command } = await insert({ command: 'refused' });
    await update(command.id, { lifetime: 'soon' });
    await update(command.id, { status: 'last' });
    await watcher.next(({ json }) => json.command?.status === 'last');
    const events = watcher.events().filter(({ json }) => json.command.id === command.id);
    expect(events.map(({ json }) => json.action)).toEqual(['command/insert', 'command/update']);
  });

  it('reaches a client once, however many of its filters overlap', async () => {
    const device = await service.connectAdmin();
    for (const filter of ['dh/command/#', 'dh/command/+/+/+/once', 'dh/#', '#'])
      await device.subscribe(filter);
    await insert({ command: 'once' });
    await insert({ command: 'then' });
    await device.next(({ topic }) => topic.endsWith('/then'));
    expect(device.events().map(({ topic }) => topic.split('/').at(-1))).toEqual(['once', 'then']);
  });
});

describe('COMMAND_UPDATE_FIELDS', () => {
  it('restricts what an update changes; the others are ignored', async () => {
    const other = await TestService.start({ COMMAND_UPDATE_FIELDS: 'status,result' });
    try {
      const id = await other.insertCommand();
      const admin = await other.connectAdmin();
      const command = { command: 'new', parameters: { a: 1 }, lifetime: 1, status: 's', result: { b: 1 } };
      expect(
        await admin.request('command/update', { deviceId: SAMPLE_DEVICE, commandId: id, command }),
      ).toMatchObject({
        status: 'success',
      });
      expect(await other.command(id)).toMatchObject({
        command: 'led/on',
        parameters: null,
        lifetime: null,
        status: 's',
        result: { b: 1 },
      });
    } finally {
      await other.stop();
    }
  });
});
