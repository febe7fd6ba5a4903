import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from './app.js';
import { createScratchDatabase } from './database/scratch-database.js';
import { DemoClient } from './demo-client.js';
import { PinoLogger } from './logger.js';
import { SAMPLE } from './seed.js';

/**
 * One conversation between an application and a device, over real connections to a service of its own: on
 * free ports, in a temporary folder, with `DATABASE_URL` in a database of its own beside that one.
 * Exits 0 only if every step was answered as it must be.
 */
async function converse(mqttUrl: string): Promise<void> {
  const { deviceId } = SAMPLE;
  const credentials = { username: SAMPLE.login, password: SAMPLE.password };
  const application = await DemoClient.connect(mqttUrl, 'application', credentials);
  await application.watch(`dh/command_update/+/+/${deviceId}/#`);

  const { accessToken } = await application.request('token', {
    login: SAMPLE.login,
    password: SAMPLE.password,
  });
  const device = await DemoClient.connect(mqttUrl, 'device');
  await device.request('authenticate', { token: accessToken });
  await device.watch(`dh/command/+/+/${deviceId}/#`);

  const toDo = device.nextEvent('command/insert');
  await application.request('command/insert', {
    deviceId,
    command: { command: 'led/on', parameters: { colour: 'green' } },
  });
  const { id } = await toDo;

  const done = application.nextEvent('command/update');
  const report = { status: 'done', result: { lit: true } };
  await device.request('command/update', { deviceId, commandId: id, command: report });
  application.expect('the update event carries the result', (await done).status === 'done');

  const { command } = await application.request('command/get', { deviceId, commandId: id });
  application.expect('the stored command is complete', isLit(command) && command.command === 'led/on');
  await application.end();
  await device.end();
}

function isLit(command: { status?: unknown; result?: unknown }): boolean {
  return command.status === 'done' && (command.result as { lit?: boolean } | null)?.lit === true;
}

const dataDir = mkdtempSync(join(tmpdir(), 'devicehive-demo-'));
const { DATABASE_URL } = process.env;
const scratch = DATABASE_URL ? await createScratchDatabase(DATABASE_URL) : undefined;
try {
  const environment = {
    DATA_DIR: dataDir,
    DATABASE_URL: scratch?.url,
    JWT_SECRET: Buffer.alloc(48, 'the demo lasts for a second').toString('base64'),
    MQTT_PORT: '0',
    HTTP_PORT: '0',
    SEED_SAMPLE_DATA: 'true',
  };
  const { app, mqttUrl } = await createApp({ environment }, new PinoLogger('error'));
  try {
    process.stdout.write(
      `service      listens on ${mqttUrl}, ${scratch ? 'PostgreSQL' : 'embedded database'}\n`,
    );
    await converse(mqttUrl);
    process.stdout.write('demo         every step answered as it must be\n');
  } finally {
    await app.close();
  }
} catch (error) {
  process.stderr.write(`demo failed: ${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  await scratch?.drop();
  rmSync(dataDir, { recursive: true, force: true });
}
