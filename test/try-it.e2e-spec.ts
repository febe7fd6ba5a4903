import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tryItText } from '../src/try-it.js';
import { TestService } from './support/service.js';

const run = promisify(execFile);

let service: TestService;
let text: string;

beforeAll(async () => {
  service = await TestService.start();
  text = tryItText(service.mqttUrl, service.httpUrl, true);
});
afterAll(() => service?.stop());

/** The printed lines from one heading to the next. */
const example = (heading: string) => text.split(heading)[1]!.split(/\n\n(?=\S)/)[0]!;

const hasMosquitto = (() => {
  try {
    execFileSync('mosquitto_rr', ['--help'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
})();

describe('the examples that a start prints', () => {
  it('work as printed with Node alone', async () => {
    const { stdout } = await run('sh', ['-c', example('in this folder:\n')], { timeout: 20_000 });
    const [insert, update] = stdout.trim().split('\n');
    expect(insert).toMatch(/^dh\/response\/command\/insert@try-it .*"status":"success"/);
    expect(update).toBe(
      'dh/response/command/update@try-it {"action":"command/update","requestId":null,"status":"success"}',
    );
  });

  it.skipIf(!hasMosquitto)(
    "work as printed with Mosquitto's tools (skipped where mosquitto_rr is missing)",
    async () => {
      const { stdout } = await run('sh', ['-c', example("Mosquitto's tools:\n")], { timeout: 20_000 });
      expect(stdout.trim()).toBe('{"action":"command/update","requestId":null,"status":"success"}');
    },
  );

  it('name a health address that answers', async () => {
    const [, url] = /Health is at (\S+)/.exec(text)!;
    expect((await fetch(url!)).status).toBe(200);
  });
});

describe('the address that a start prints', () => {
  it.each([
    [
      'mqtt://0.0.0.0:1883',
      'mqtt://127.0.0.1:1883 (MQTT 3.1.1; from other machines: port 1883 of this one)',
      '127.0.0.1',
    ],
    ['mqtt://[::]:1883', 'mqtt://[::1]:1883 (MQTT 3.1.1; from other machines: port 1883 of this one)', '::1'],
    ['mqtt://192.0.2.1:1883', 'mqtt://192.0.2.1:1883 (MQTT 3.1.1)', '192.0.2.1'],
  ])('for %s is one that clients can connect to', (url, where, host) => {
    const printed = tryItText(url, 'http://127.0.0.1:3000', true);
    expect(printed).toContain(`Devices and clients connect to ${where} `);
    expect(printed).toContain(`mosquitto_rr -V mqttv311 -h ${host} -p 1883`);
    expect(printed).not.toMatch(/0\.0\.0\.0|\[::\]/);
  });
});
