import { chmodSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { TestClient } from './support/client.js';
import { ignoreEvents } from './support/described-traffic.js';
import { processesOfEachTest } from './support/process.js';
import { ADMIN, connectRawAdmin, SAMPLE_DEVICE, TestService } from './support/service.js';

ignoreEvents();

const umaskOfTests = process.umask();
const { environment, start } = processesOfEachTest();
afterEach(() => void process.umask(umaskOfTests));

const treeOf = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' });

/** What other users may use of a folder and of all in it, with its mode. */
function openToOthers(folder: string): string[] {
  return [folder, ...treeOf(folder).map((name) => join(folder, name))].flatMap((path) => {
    // LevelDB may have deleted it meanwhile.
    const mode = lstatSync(path, { throwIfNoEntry: false })?.mode ?? 0;
    return mode & 0o077 ? [`${path} ${(mode & 0o777).toString(8)}`] : [];
  });
}

/** Events for a client that is away, in the session store when this resolves. */
async function storeEvents(url: string, count: number, bytes: number): Promise<void> {
  const device = await connectRawAdmin(url, 'away', { clean: false });
  await device.subscribe('dh/command/#');
  device.end();
  const client = await TestClient.connect(url, ADMIN);
  for (let i = 0; i < count; i++) {
    const command = { command: 'x', parameters: { text: 'x'.repeat(bytes) } };
    const reply = await client.request('command/insert', { deviceId: SAMPLE_DEVICE, command });
    expect(reply).toMatchObject({ status: 'success' });
  }
  await client.end();
}

describe.each(['022', '000'])('with umask %s', (umask) => {
  it('a mounted service makes DATA_DIR and all in it for its owner alone', async () => {
    let dataDir = '';
    process.umask(umask);
    const service = await TestService.start(async ({ DATA_DIR }) => ({
      DATA_DIR: (dataDir = join(DATA_DIR!, 'new', 'data')),
    }));
    try {
      expect(openToOthers(dataDir)).toEqual([]);
      await storeEvents(service.mqttUrl, 3, 10);
      expect(openToOthers(dataDir)).toEqual([]);
      expect(process.umask()).toBe(Number.parseInt(umask, 8));
      expect(service.logger.lines.filter((line) => line.includes('open to other'))).toEqual([]);
    } finally {
      await service.stop();
    }
  });

  it('a process makes DATA_DIR and all in it for its owner alone, also files that it makes later', async () => {
    const dataDir = join(environment().dataDir, 'new', 'data');
    const command = ['sh', '-c', `umask ${umask}; exec node dist/src/main.js`];
    const service = start({ ...environment().env, DATA_DIR: dataDir }, command);
    const url = await service.ready();
    expect(openToOthers(dataDir)).toEqual([]);
    const before = treeOf(join(dataDir, 'sessions'));
    // LevelDB begins another file after 4 MB.
    await storeEvents(url, 6, 900_000);
    const later = treeOf(join(dataDir, 'sessions')).filter((name) => !before.includes(name));
    expect(later).not.toEqual([]);
    expect(openToOthers(dataDir)).toEqual([]);
    service.kill('SIGTERM');
    expect(await service.exit()).toBe(0);
    expect(openToOthers(dataDir)).toEqual([]);
  });
});

it('a start closes an existing DATA_DIR and the files in it to other users', async () => {
  const { dataDir, env } = environment();
  mkdirSync(join(dataDir, 'sessions'), { recursive: true });
  for (const name of ['jwt-secret', 'run-0123456789abcdef.json', 'sessions.pid', 'sessions/000007.ldb'])
    writeFileSync(join(dataDir, name), '');
  for (const name of treeOf(dataDir)) {
    const path = join(dataDir, name);
    chmodSync(path, lstatSync(path).isDirectory() ? 0o755 : 0o644);
  }
  chmodSync(dataDir, 0o755);
  const service = start(env);
  await service.ready();
  expect(openToOthers(dataDir)).toEqual([]);
  expect(service.output).not.toContain('open to other');
});
