import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClient } from './support/client.js';
import { createEnvironment } from './support/environment.js';
import { processesOfEachTest, type ServiceProcess } from './support/process.js';
import { copyProject } from './support/project-copy.js';
import { ADMIN, connectRawAdmin, SAMPLE_DEVICE } from './support/service.js';

/** `npm start` builds first. */
const BUILDS_MS = 120_000;
/** What `npm start` needs: it builds in a folder of its own, since `dist` is what other tests run. */
const PROJECT = ['scripts', 'src', 'migrations', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

const { environment, start } = processesOfEachTest();
let project: ReturnType<typeof copyProject>;
beforeAll(() => {
  project = copyProject(PROJECT);
});
afterAll(() => project?.dispose());

const updateRequest = (commandId: number, status: string) =>
  JSON.stringify({
    action: 'command/update',
    requestId: status,
    deviceId: SAMPLE_DEVICE,
    commandId,
    command: { status },
  });

async function insertCommands(url: string, count: number): Promise<number[]> {
  const client = await TestClient.connect(url, ADMIN);
  const insert = () =>
    client.request('command/insert', { deviceId: SAMPLE_DEVICE, command: { command: 'x' } });
  const replies = await Promise.all(Array.from({ length: count }, insert));
  await client.end();
  return replies.map(({ command }) => command.id as number);
}

async function statusOf(client: TestClient, commandId: number): Promise<string> {
  return (await client.request('command/get', { deviceId: SAMPLE_DEVICE, commandId })).command
    .status as string;
}

/** Until the address of the API description is printed, behind the line `ready`. */
async function printed(service: ServiceProcess): Promise<void> {
  while (!/described at http:\S+\/docs\n/.test(service.output)) await once(service.child.stdout!, 'data');
}

/** In a folder with that `.env`. */
function startWith(envFile: string | Buffer) {
  const { dataDir, env } = environment();
  writeFileSync(join(dataDir, '.env'), envFile);
  return start(env, ['node', resolve('dist/src/main.js')], dataDir);
}

describe('SIGTERM', () => {
  it.each([
    ['the service itself', undefined],
    ['npm start', ['npm', 'start']],
  ])(
    'to %s under load finishes and answers what is in work, and exits 0 within 10 s',
    async (_, command) => {
      const service = start(environment().env, command, command && project.folder);
      const url = await service.ready();
      const ids = await insertCommands(url, 8);
      const device = await connectRawAdmin(url, 'loaded');
      await device.subscribe('dh/response/#', 1);
      for (let i = 1; i <= 500; i++)
        device.publish(updateRequest(ids[i % 8]!, `s${i}`), { qos: 1, messageId: i });
      await device.packet('puback');
      const signalledAt = Date.now();
      service.kill('SIGTERM');
      expect(await service.exit()).toBe(0);
      expect(Date.now() - signalledAt).toBeLessThan(10_000);
      await device.until(() => device.closed);

      const acknowledged = device.packets.flatMap((p) => (p.cmd === 'puback' ? [p.messageId!] : []));
      const replies = device.packets.filter(({ cmd }) => cmd === 'publish');
      expect(acknowledged.length).toBeGreaterThan(0);
      expect(replies).toHaveLength(acknowledged.length);
      expect(acknowledged).toEqual(acknowledged.map((_id, i) => i + 1));

      const again = start();
      const client = await TestClient.connect(await again.ready(), ADMIN);
      for (const [i, id] of ids.entries()) {
        const last = acknowledged.findLast((messageId) => messageId % 8 === i);
        if (last) expect(Number((await statusOf(client, id)).slice(1))).toBeGreaterThanOrEqual(last);
      }
      await client.end();
    },
    BUILDS_MS,
  );
});

describe('kill -9', () => {
  it('in the middle of 2,000 QoS 1 updates loses nothing that was acknowledged, and resends win', async () => {
    const total = 2_000;
    const service = start();
    const url = await service.ready();
    const ids = await insertCommands(url, 50);
    const requests = Array.from({ length: total }, (_, i) => ({ id: ids[i % ids.length]!, status: `s${i}` }));
    const device = await connectRawAdmin(url, 'killed');
    let sent = 0;
    const sendMore = () => {
      const acknowledged = device.packets.filter(({ cmd }) => cmd === 'puback').length;
      for (; sent < total && sent - acknowledged < 64; sent++) {
        device.publish(updateRequest(requests[sent]!.id, requests[sent]!.status), {
          qos: 1,
          messageId: sent + 1,
        });
      }
      return acknowledged >= total / 2;
    };
    await device.until(sendMore);
    service.kill('SIGKILL');
    await service.exit();
    await device.until(() => device.closed);
    const acknowledged = device.packets.filter(({ cmd }) => cmd === 'puback').length;
    expect(acknowledged).toBeLessThan(total);

    const again = start();
    const client = await TestClient.connect(await again.ready(), ADMIN);
    const position = (status: string | null) => (status === null ? -1 : Number(status.slice(1)));
    for (const [i, id] of ids.entries()) {
      const lastAcknowledged = acknowledged - 1 - ((acknowledged - 1 - i) % ids.length);
      expect(position(await statusOf(client, id))).toBeGreaterThanOrEqual(lastAcknowledged);
    }
    const resent = requests.slice(acknowledged).map(({ id: commandId, status }) => {
      const body = { deviceId: SAMPLE_DEVICE, commandId, command: { status } };
      return client.request('command/update', body);
    });
    for (const reply of await Promise.all(resent)) expect(reply).toMatchObject({ status: 'success' });
    for (const [i, id] of ids.entries()) {
      expect(await statusOf(client, id)).toBe(`s${total - ids.length + i}`);
    }
    await client.end();
  });
});

describe('a start', () => {
  it('beyond loopback with the sample login ends with one line, and runs with another password', async () => {
    const env = { ...environment().env, MQTT_HOST: '0.0.0.0' };
    const refused = start(env);
    expect(await refused.exit()).toBe(1);
    expect(refused.output.trim().split('\n')).toEqual([
      expect.stringMatching(/^Cannot start: The sample login dhadmin .*ADMIN_PASSWORD$/),
    ]);
    const service = start({ ...env, ADMIN_LOGIN: 'dhadmin', ADMIN_PASSWORD: 'correct horse' });
    await service.ready();
    await printed(service);
    expect(service.output).not.toContain(ADMIN.password);
    expect(service.output).not.toMatch(/-h 0\.0\.0\.0|mosquitto_rr/);
    service.kill('SIGTERM');
    await service.exit();

    const again = start(environment().env);
    await again.ready();
    await printed(again);
    expect(again.output).not.toContain(ADMIN.password);
  });

  it('with the public password prints it, and commands to copy', async () => {
    const service = start();
    await service.ready();
    await printed(service);
    expect(service.output).toContain(`as ${ADMIN.username} / ${ADMIN.password}`);
    expect(service.output).toContain('See the whole conversation with: npm run demo');
  });

  it('on a wrong value ends with one line that names it', async () => {
    const service = start({ ...environment().env, MAX_IN_FLIGHT: 'many' });
    expect(await service.exit()).toBe(1);
    expect(service.output.trim()).toBe(
      'Cannot start: MAX_IN_FLIGHT must be an integer from 1 to 1000000 (it is "many")',
    );
  });

  it('reads .env of a Windows editor, with a byte order mark and CRLF, and warns of a mistyped name', async () => {
    const service = startWith('\uFEFFMAX_IN_FLIGHT=many\r\nDATABSE_URL=postgres://db\r\n');
    expect(await service.exit()).toBe(1);
    expect(service.output).toContain('Cannot start: MAX_IN_FLIGHT must be an integer');
    const other = startWith('DATABSE_URL=postgres://db\r\n');
    await other.ready();
    expect(other.output).toContain('DATABSE_URL in .env has no effect: it may be meant as DATABASE_URL');
  });

  it('that a variable of .env stops tells first what is wrong with its line', async () => {
    for (const [value, problem] of [
      ['a#bcdefgh', 'is cut off at its #: put the value into quotes'],
      ["'a", 'has a quote that is not closed'],
    ]) {
      const service = startWith(`ADMIN_PASSWORD=${value}\nADMIN_LOGIN=ann\n`);
      expect(await service.exit()).toBe(1);
      expect(service.output.trim().split('\n')).toEqual([
        `ADMIN_PASSWORD in .env ${problem}`,
        expect.stringMatching(/^Cannot start: ADMIN_PASSWORD (is missing|must have at least 6 characters)/),
      ]);
    }
  });

  it('with .env in UTF-16 is refused', async () => {
    const service = startWith(Buffer.from('\uFEFFDATABASE_URL=postgres://db\r\n', 'utf16le'));
    expect(await service.exit()).toBe(1);
    expect(service.output.trim()).toBe(
      "Cannot start: .env is not UTF-8 but maybe UTF-16, as PowerShell's > writes it: save it as UTF-8",
    );
  });

  it('on a taken port that was asked for ends with its reason', async () => {
    const first = start();
    const { port } = new URL(await first.ready());
    const other = await createEnvironment();
    const second = start({ ...other.env, MQTT_PORT: port });
    expect(await second.exit()).toBe(1);
    expect(second.output).toContain(`Port ${port} on 127.0.0.1 is taken: set MQTT_PORT`);
    await other.dispose();
  });
});
