import { getDataSourceToken } from '@nestjs/typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp, type RunningApp } from '../src/app.js';
import { DATA_SOURCE } from '../src/database/data-source.name.js';
import { EventPublisher } from '../src/transport/event-publisher.js';
import { TestClient } from './support/client.js';
import { ignoreEvents } from './support/described-traffic.js';
import { createEnvironment, type TestEnvironment } from './support/environment.js';
import { processesOfEachTest } from './support/process.js';
import type { RawClient } from './support/raw-client.js';
import { ADMIN, connectRawAdmin, RecordingLogger, SAMPLE_DEVICE } from './support/service.js';
import { signToken } from './support/token.js';

ignoreEvents();

const TOPIC = `dh/command/1/1/${SAMPLE_DEVICE}`;

interface ReceivedEvent {
  /** what follows the device in the topic */
  name: string;
  messageId: number;
}

function eventsOf(client: RawClient): ReceivedEvent[] {
  return client.packets.flatMap((packet) =>
    packet.cmd === 'publish' && packet.topic.startsWith(TOPIC)
      ? [{ name: packet.topic.slice(TOPIC.length + 1), messageId: packet.messageId! }]
      : [],
  );
}

const namesOf = (client: RawClient) => eventsOf(client).map(({ name }) => name);
const comeBack = (url: string, clientId: string) => connectRawAdmin(url, clientId, { clean: false });

/** Resolves when the service has it. */
async function acknowledge(client: RawClient, events: ReceivedEvent[]): Promise<void> {
  const pongs = () => client.packets.filter(({ cmd }) => cmd === 'pingresp').length;
  const before = pongs();
  for (const { messageId } of events) client.write({ cmd: 'puback', messageId });
  client.write({ cmd: 'pingreq' });
  await client.until(() => pongs() > before);
}

describe('a restart', () => {
  let environment: TestEnvironment;
  let running: RunningApp;

  async function start(): Promise<void> {
    running = await createApp({ environment: environment.env }, new RecordingLogger());
    await running.server.whenReady;
  }
  async function restart(): Promise<void> {
    await running.app.close();
    await start();
  }
  function publish(...names: string[]): void {
    const subject = { networkId: 1, deviceTypeId: 1, deviceId: SAMPLE_DEVICE };
    for (const name of names) {
      const payload = { action: 'command/insert', command: { command: name }, subscriptionId: 0 };
      running.app.get(EventPublisher).publish('command', subject, name, payload);
    }
  }
  /** A client that has come back and got so many events. */
  async function comeBackFor(clientId: string, count: number): Promise<RawClient> {
    const client = await comeBack(running.mqttUrl, clientId);
    await client.until(() => eventsOf(client).length >= count);
    return client;
  }

  beforeAll(async () => {
    environment = await createEnvironment();
    await start();
  });
  afterAll(async () => {
    await running?.app.close();
    await environment.dispose();
  });

  it('keeps the filters of a session, and its events that wait or are not acknowledged', async () => {
    const before = await comeBack(running.mqttUrl, 'device');
    for (const filter of [`${TOPIC}/+`, `${TOPIC}/mine@device`]) await before.subscribe(filter);
    publish('a', 'b');
    await before.until(() => eventsOf(before).length === 2);
    const [a, b] = eventsOf(before);
    await acknowledge(before, [a!]);

    await restart();
    publish('c');
    const after = await comeBackFor('device', 2);
    publish('d');
    await after.until(() => eventsOf(after).length === 3);
    expect(after.packets[0]).toMatchObject({ cmd: 'connack', sessionPresent: true });
    expect(namesOf(after)).toEqual(['b', 'c', 'd']);
    expect(eventsOf(after)[0]).toEqual(b);
    after.write({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: [`${TOPIC}/+`] });
    await after.packet('unsuback');
    await acknowledge(after, eventsOf(after));

    await restart();
    publish('e', 'mine');
    expect(namesOf(await comeBackFor('device', 1))).toEqual(['mine@device']);
  });

  it('keeps a session for its user alone, and brings none back that has ended', async () => {
    await running.app
      .get(getDataSourceToken(DATA_SOURCE))
      .query(`INSERT INTO dh_user (id, login, password_hash, role) VALUES (60, 'other', '', 0)`);
    for (const clientId of ['contested', 'ended']) {
      const client = await comeBack(running.mqttUrl, clientId);
      await client.subscribe(`${TOPIC}/#`);
      publish('a');
      await client.until(() => eventsOf(client).length === 1);
      client.end();
    }
    const clean = await connectRawAdmin(running.mqttUrl, 'ended');
    clean.end();

    await restart();
    const other = await TestClient.connect(running.mqttUrl, { clientId: 'contested', clean: false });
    await other.authenticate(signToken({ u: 60 }));
    await other.subscribe(`${TOPIC}/#`);
    publish('b');
    await other.next(({ topic }) => topic === `${TOPIC}/b`);
    expect(other.events()).toHaveLength(1);
    await other.end();
    const ended = await comeBack(running.mqttUrl, 'ended');
    expect(ended.packets).toMatchObject([{ cmd: 'connack', sessionPresent: false }]);
  });

  it('is refused while the service runs in the same DATA_DIR, which goes on unharmed', async () => {
    const second = createApp({ environment: environment.env }, new RecordingLogger());
    await expect(second).rejects.toThrow(
      new RegExp(`^DATA_DIR ${environment.dataDir} is in use by .*: stop that one first, or set DATA_DIR`),
    );
    const client = await comeBack(running.mqttUrl, 'unharmed');
    await client.subscribe(`${TOPIC}/+`);
    client.end();
    publish('a');
    expect(namesOf(await comeBackFor('unharmed', 1))).toEqual(['a']);
  });
});

describe('kill -9', () => {
  const { environment, start } = processesOfEachTest();

  it('loses no event whose request was answered, to clients that were away or had not acknowledged', async () => {
    const service = start();
    const url = await service.ready();
    const [away, here] = [await comeBack(url, 'away'), await comeBack(url, 'here')];
    for (const client of [away, here]) await client.subscribe(`${TOPIC}/#`);
    away.end();
    const admin = await TestClient.connect(url, ADMIN);
    const insert = (name: string) =>
      admin.request('command/insert', { deviceId: SAMPLE_DEVICE, command: { command: name } });
    const names = Array.from({ length: 50 }, (_, i) => `n/${i}`);
    await Promise.all(names.map(insert));
    service.kill('SIGKILL');
    await service.exit();
    await admin.end();

    const { app, mqttUrl } = await createApp({ environment: environment().env }, new RecordingLogger());
    try {
      for (const clientId of ['away', 'here']) {
        const client = await comeBack(mqttUrl, clientId);
        await client.until(() => eventsOf(client).length >= names.length);
        expect(namesOf(client).toSorted()).toEqual(names.toSorted());
      }
    } finally {
      await app.close();
    }
  });
});
