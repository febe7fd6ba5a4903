import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Config } from '../src/config.js';
import { createEnvironment } from './support/environment.js';
import { RawClient } from './support/raw-client.js';
import { ADMIN, RecordingLogger } from './support/service.js';

// The default ports are others' too: here they are ports of our own.
const taken = { mqtt: 0, http: 0 };
let createApp: typeof import('../src/app.js').createApp;

beforeAll(async () => {
  vi.resetModules();
  vi.doMock('../src/config.js', async (original) => {
    const actual = await original<typeof import('../src/config.js')>();
    const loadConfig = (...variables: Parameters<typeof actual.loadConfig>): Config => {
      const config = actual.loadConfig(...variables);
      return {
        ...config,
        broker: { ...config.broker, port: taken.mqtt, mayChangePort: true },
        http: { ...config.http, port: taken.http, mayChangePort: true },
      };
    };
    return { ...actual, loadConfig };
  });
  ({ createApp } = await import('../src/app.js'));
});
afterAll(() => {
  vi.doUnmock('../src/config.js');
  vi.resetModules();
});

const holders: Server[] = [createServer(), createServer()];
beforeAll(async () => {
  await Promise.all(holders.map((holder) => once(holder.listen(0, '127.0.0.1'), 'listening')));
  [taken.mqtt, taken.http] = holders.map((holder) => (holder.address() as { port: number }).port) as [
    number,
    number,
  ];
});
afterAll(() => holders.forEach((holder) => holder.close()));

it('replaces a default port that is taken in the try-it shape, and says so', async () => {
  const { env, dispose } = await createEnvironment();
  const logger = new RecordingLogger();
  try {
    const { app, mqttUrl, httpUrl } = await createApp({ environment: env }, logger);
    expect((await fetch(`${httpUrl}/health/ready`)).status).toBe(200);
    const client = await RawClient.connect(mqttUrl, {
      username: ADMIN.username,
      password: Buffer.from(ADMIN.password),
    });
    expect(client.packets).toMatchObject([{ cmd: 'connack', returnCode: 0 }]);
    client.end();
    await app.close();
    const warnings = logger.lines.filter((line) => line.includes('is taken, using a free one'));
    expect(warnings.map((line) => /set (\w+)/.exec(line)?.[1])).toEqual(['MQTT_PORT', 'HTTP_PORT']);
  } finally {
    await dispose();
  }
});
