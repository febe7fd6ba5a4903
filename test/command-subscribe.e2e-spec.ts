import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

let service: TestService;
let admin: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  admin = await service.connectAdmin();
  await service.sql(`INSERT INTO network (id, name) VALUES (2, 'two')`);
  await service.sql(`INSERT INTO device_type (id, name) VALUES (2, 'two')`);
  await service.sql(
    `INSERT INTO device (device_id, name, network_id, device_type_id)
     VALUES ('in-two', 'in two', 2, 2), ('empty', 'nothing stored', 1, 1)`,
  );
});
afterAll(() => service?.stop());

const insert = (name: string, more: object = {}, deviceId = SAMPLE_DEVICE) =>
  admin.request('command/insert', { deviceId, command: { command: name, ...more } });
const commandsOf = (client: TestClient) => client.events().map(({ json }) => json.command?.command);

describe('command/subscribe', () => {
  it('answers with an id, and delivers without a SUBSCRIBE on the event topic', async () => {
    const client = await service.connectAdmin();
    const reply = await client.request('command/subscribe', { deviceId: SAMPLE_DEVICE });
    expect(reply).toMatchObject({ action: 'command/subscribe', status: 'success' });
    expect(reply.subscriptionId).toBeTypeOf('number');
    await insert('live/one');
    const { topic, json, packet } = await client.next((message) => message.topic.startsWith('dh/command/'));
    expect(topic).toBe(`dh/command/1/1/${SAMPLE_DEVICE}/live/one`);
    expect(json).toMatchObject({ action: 'command/insert', subscriptionId: reply.subscriptionId });
    expect(packet.qos).toBe(1);
  });

  it('delivers at QoS 0 to who asked at QoS 0', async () => {
    const client = await service.connectAdmin();
    await client.request('command/subscribe', { deviceId: SAMPLE_DEVICE }, 0);
    await insert('at/0');
    expect((await client.next(({ topic }) => topic.endsWith('at/0'))).packet.qos).toBe(0);
  });

  it('replays what is stored and newer or equal, oldest first, after the reply and before what is live', async () => {
    const prefix = randomUUID();
    const names = Array.from({ length: 5 }, (_, n) => `${prefix}/${n}`);
    const timestamp = new Date().toISOString();
    await insert(`${prefix}/older`, { timestamp: new Date(Date.parse(timestamp) - 1).toISOString() });
    for (const name of names) await insert(name, { timestamp });
    const client = await service.connectAdmin();
    const asked = client.request('command/subscribe', {
      deviceId: SAMPLE_DEVICE,
      timestamp,
      names: [...names, `${prefix}/older`, 'now'],
    });
    await insert('now');
    const { subscriptionId } = await asked;
    await client.next(({ topic }) => topic.endsWith('/now'));
    expect(commandsOf(client).filter((name) => name !== 'now')).toEqual(names);
    expect(client.messages[0]!.json).toMatchObject({ action: 'command/subscribe' });
    expect(new Set(client.events().map(({ json }) => json.subscriptionId))).toEqual(
      new Set([subscriptionId]),
    );
  });

  it('replays no more than the limit, 20 unless told, and nothing for 0', async () => {
    const { command } = await insert('limit/0', {}, 'empty');
    for (let n = 1; n < 22; n++) await insert(`limit/${n}`, {}, 'empty');
    for (const [limit, replayed] of [
      [undefined, 20],
      [2, 2],
      [0, 0],
      [-1, 0],
    ] as const) {
      const client = await service.connectAdmin();
      await client.request('command/subscribe', { deviceId: 'empty', timestamp: command.timestamp, limit });
      await insert('limit/end', { timestamp: '2000-01-01T00:00:00' }, 'empty');
      await client.next(({ topic }) => topic.endsWith('limit/end'));
      expect(commandsOf(client)).toEqual([
        ...Array.from({ length: replayed }, (_, n) => `limit/${n}`),
        'limit/end',
      ]);
    }
  });

  it('replays no command whose lifetime has passed', async () => {
    const client = await service.connectAdmin();
    const prefix = randomUUID();
    const timestamp = new Date(Date.now() - 60_000).toISOString();
    const at = new Date(Date.now() - 30_000).toISOString();
    const lifetimes = { over: 10, lasts: 3_600, unlimited: 0, none: null };
    for (const [name, lifetime] of Object.entries(lifetimes))
      await insert(`${prefix}/${name}`, { lifetime, timestamp: at });
    const names = Object.keys(lifetimes).map((name) => `${prefix}/${name}`);
    await client.request('command/subscribe', {
      deviceId: SAMPLE_DEVICE,
      timestamp,
      names: [...names, 'end'],
      limit: 1_000,
    });
    await insert('end');
    await client.next(({ topic }) => topic.endsWith('/end'));
    expect(commandsOf(client).slice(0, -1)).toEqual(
      ['lasts', 'unlimited', 'none'].map((name) => `${prefix}/${name}`),
    );
  });

  it('delivers updates instead with returnUpdatedCommands, also those that are stored', async () => {
    const name = randomUUID();
    const { command } = await insert(name);
    await insert(`${name}/untouched`);
    const update = (status: string) =>
      admin.request('command/update', {
        deviceId: SAMPLE_DEVICE,
        commandId: command.id,
        command: { status },
      });
    await update('stored');
    const client = await service.connectAdmin();
    await client.request('command/subscribe', {
      deviceId: SAMPLE_DEVICE,
      names: [name, `${name}/untouched`],
      timestamp: command.timestamp,
      returnUpdatedCommands: 'true',
    });
    await insert(name);
    await update('live');
    await client.next(({ json }) => json.command?.status === 'live');
    expect(client.events().map(({ json }) => [json.action, json.command.status])).toEqual([
      ['command/update', 'stored'],
      ['command/update', 'live'],
    ]);
    expect(client.events()[0]!.topic).toBe(`dh/command_update/1/1/${SAMPLE_DEVICE}/${name}`);
  });

  it.each([
    ['a network', { networkIds: [2] }, ['in-two']],
    ['a device type, as text', { deviceTypeIds: ['2'] }, ['in-two']],
    ['several networks', { networkIds: [1, 2] }, [SAMPLE_DEVICE, 'in-two']],
    ['a device of another network', { deviceId: SAMPLE_DEVICE, networkIds: [2] }, []],
    ['nothing in particular', {}, [SAMPLE_DEVICE, 'in-two']],
    ['empty lists', { networkIds: [], deviceTypeIds: [], names: [] }, [SAMPLE_DEVICE, 'in-two']],
    ['names', { names: ['narrow'] }, [SAMPLE_DEVICE, 'in-two']],
    ['another name', { names: ['other', 'narrow/er', '#', '+'] }, []],
  ])('narrows to %s', async (_, wanted, devices) => {
    const client = await service.connectAdmin();
    await client.request('command/subscribe', wanted);
    await client.subscribe('dh/command/1/1/empty/#');
    await insert('narrow');
    await insert('narrow', {}, 'in-two');
    await insert('end', {}, 'empty');
    await client.next(({ topic }) => topic.endsWith('empty/end'));
    const received = client.events().map(({ json }) => json.command.deviceId);
    expect(received.filter((deviceId) => deviceId !== 'empty')).toEqual(devices);
  });

  it('gives each subscription its copy, and a SUBSCRIBE beside it none of its own', async () => {
    const client = await service.connectAdmin();
    const ids: number[] = [];
    for (const wanted of [{ deviceId: SAMPLE_DEVICE }, { networkIds: [1] }]) {
      ids.push((await client.request('command/subscribe', wanted)).subscriptionId);
    }
    await client.subscribe('dh/command/#');
    await insert('overlap');
    await insert('end');
    await client.next(({ topic, json }) => topic.endsWith('/end') && json.subscriptionId === ids[1]);
    const copies = client.events().filter(({ topic }) => topic.endsWith('/overlap'));
    expect(copies.map(({ json }) => json.subscriptionId)).toEqual(ids);
  });

  it.each([
    [1, 0, 1],
    [0, 1, 1],
    [0, 0, 0],
  ] as const)(
    'at QoS %i beside a SUBSCRIBE at %i: the one copy comes at QoS %i',
    async (asked, granted, qos) => {
      for (const clean of [true, false]) {
        const client = await service.connectAdmin({ clean });
        await client.request('command/subscribe', { deviceId: SAMPLE_DEVICE }, asked);
        await client.subscribe('dh/command/#', granted);
        await insert('both');
        const { packet, json } = await client.next(({ topic }) => topic.endsWith('/both'));
        expect([packet.qos, json.subscriptionId > 0]).toEqual([qos, true]);
        await client.end();
      }
    },
  );

  it('never shows an older version after a newer one that was replayed', async () => {
    const name = randomUUID();
    const { command } = await insert(name);
    const update = (n: number) =>
      admin.request('command/update', {
        deviceId: SAMPLE_DEVICE,
        commandId: command.id,
        command: { parameters: { n } },
      });
    for (let round = 0; round < 10; round++) {
      const client = await service.connectAdmin();
      const updates = Array.from({ length: 20 }, (_, n) => update(n));
      const wanted = { names: [name], timestamp: command.timestamp, returnUpdatedCommands: true };
      await client.request('command/subscribe', wanted);
      await Promise.all(updates);
      const last = (await client.request('command/get', { deviceId: SAMPLE_DEVICE, commandId: command.id }))
        .command;
      await client.next(({ json }) => json.command?.lastUpdated === last.lastUpdated);
      const versions = client.events().map(({ json }) => json.command.lastUpdated as string);
      expect(versions).toEqual(versions.toSorted());
      await client.end();
    }
  });
});
