import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLine } from './support/command-line.js';
import { freePort } from './support/mosquitto.js';
import { ADMIN, SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;
let env: Record<string, string>;

beforeAll(async () => {
  service = await TestService.start();
  env = { DEVICEHIVE_URL: service.mqttUrl, DEVICEHIVE_TOKEN: signToken() };
});
afterAll(() => service?.stop());

async function run(...args: string[]): Promise<{ code: number | null; out: string; errors: string }> {
  const line = CommandLine.start(env, ...args);
  return { code: await line.exit(), out: line.out, errors: line.errors };
}
const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

// Each process takes a second of CPU to start.
describe('the command line', { timeout: 120_000 }, () => {
  it('inserts, updates, gets and lists commands', async () => {
    const inserted = await run('insert', SAMPLE_DEVICE, 'led/on', '--parameters', '{"level":3}');
    expect(inserted).toMatchObject({ code: 0, errors: '' });
    const id = Number(inserted.out);
    const result = ['--status', 'done', '--result', '{"text":"\\u001b[31m"}'];
    expect(await run('update', SAMPLE_DEVICE, String(id), ...result)).toEqual({
      code: 0,
      out: '',
      errors: '',
    });
    const [got, listed] = await Promise.all([
      run('get', SAMPLE_DEVICE, String(id), '--json'),
      run('list', SAMPLE_DEVICE, '--name', 'led/on', '--status', 'done'),
    ]);
    expect(lines(got.out)).toMatchObject([
      { id, command: 'led/on', parameters: { level: 3 }, status: 'done' },
    ]);
    expect(listed.out).toMatch(
      new RegExp(
        `^\\S+  ${id}  ${SAMPLE_DEVICE}  led/on  parameters={"level":3}  status=done  result=\\S+\n$`,
      ),
    );
    expect(listed.out).not.toContain('\u001b');
  });

  it('calls any action, with an object or without', async () => {
    const [inserted, info, refused, noObject, noAction] = await Promise.all([
      run('call', 'command/insert', `{"deviceId":"${SAMPLE_DEVICE}","command":{"command":"led/off"}}`),
      run('call', 'server/info'),
      run('call', 'command/get', `{"deviceId":"${SAMPLE_DEVICE}","commandId":999999}`),
      run('call', 'command/get', '[1]'),
      run('call', 'command/#'),
    ]);
    expect(inserted).toMatchObject({ code: 0, errors: '' });
    expect(lines(inserted.out)).toEqual([{ command: expect.objectContaining({ id: expect.any(Number) }) }]);
    expect(lines(info.out)).toEqual([{ info: expect.any(Object) }]);
    expect(refused).toEqual({ code: 1, out: '', errors: 'error: Command with id = 999999 not found\n' });
    expect([noObject.code, noAction.code]).toEqual([2, 2]);
  });

  it('says what to set where there are no credentials', async () => {
    const anonymous = { DEVICEHIVE_URL: service.mqttUrl };
    const [call, watch] = [['call', 'device/list'], ['watch']].map((args) =>
      CommandLine.start(anonymous, ...args),
    ) as [CommandLine, CommandLine];
    const hint = 'set DEVICEHIVE_LOGIN and DEVICEHIVE_PASSWORD, or DEVICEHIVE_TOKEN\n';
    expect([await call.exit(), await watch.exit()]).toEqual([1, 1]);
    expect([call.out, watch.out]).toEqual(['', '']);
    expect(call.errors).toBe(`error: Unauthorized: ${hint}`);
    expect(watch.errors).toMatch(/^error: The broker refuses the subscription to dh\//);
    expect(watch.errors.endsWith(`: ${hint}`)).toBe(true);
  });

  it('says what is missing where a login has no password, and connects to nothing', async () => {
    const [get, watch, token] = await Promise.all(
      [['get', SAMPLE_DEVICE, '1'], ['watch'], ['token']].map(async (args) => {
        const line = CommandLine.start({ DEVICEHIVE_LOGIN: 'dhadmin', DEVICEHIVE_PASSWORD: '' }, ...args);
        return { code: await line.exit(), out: line.out, errors: line.errors };
      }),
    );
    const missing = 'error: a login needs --password, or DEVICEHIVE_PASSWORD\n';
    expect(get).toEqual({ code: 2, out: '', errors: missing });
    expect(watch).toEqual(get);
    expect(token?.code).toBe(2);
    expect(token?.errors).toMatch(/^error: a token needs --login and --password, .*\n$/);
  });

  it('watches what devices do, and simulates some', async () => {
    const devices = ['--devices', '2', '--prefix', 'lamp', '--delay', '0.05', '--failure-rate', '1'];
    const simulation = CommandLine.start(env, 'simulate', ...devices, '--count', '2', '--json');
    const watch = CommandLine.start(env, 'watch', '--json', '--only', 'updates', '--name', 'led/on');
    await Promise.all([simulation.said('2 devices hear: lamp-1 to lamp-2'), watch.said('watching')]);
    const admin = await service.connectAdmin();
    for (const deviceId of ['lamp-1', 'lamp-2']) {
      await admin.request('command/insert', { deviceId, command: { command: 'led/on' } });
    }
    expect(await simulation.exit()).toBe(0);
    expect(lines(simulation.out)).toMatchObject([{ status: 'failed' }, { status: 'failed' }]);
    await expect.poll(() => watch.out.split('\n').length, { timeout: 10_000 }).toBe(3);
    watch.child.kill('SIGINT');
    expect(await watch.exit()).toBe(0);
    expect(lines(watch.out)).toMatchObject([
      { action: 'command/update', command: 'led/on', status: 'failed', result: { reason: 'simulated' } },
      { action: 'command/update' },
    ]);
  });

  it('gives tokens, and shows no other secret', async () => {
    const login = { DEVICEHIVE_LOGIN: ADMIN.username, DEVICEHIVE_PASSWORD: ADMIN.password };
    const byLogin = CommandLine.start({ DEVICEHIVE_URL: service.mqttUrl, ...login }, 'token');
    const wrong = { ...login, DEVICEHIVE_PASSWORD: 'secret-word' };
    const refused = CommandLine.start(
      { DEVICEHIVE_URL: service.mqttUrl, ...wrong },
      'get',
      SAMPLE_DEVICE,
      '1',
    );
    const narrow = run('token', 'create', '--user', '1', '--action', 'GetDevice', '--network', '*', '--json');
    expect(await byLogin.exit()).toBe(0);
    expect(byLogin.out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    expect(await refused.exit()).toBe(1);
    expect(refused.errors).toBe('error: Invalid credentials\n');
    const [tokens] = lines((await narrow).out) as [{ accessToken: string }];
    const got = CommandLine.start(
      { ...env, DEVICEHIVE_TOKEN: tokens.accessToken },
      'get',
      SAMPLE_DEVICE,
      '1',
    );
    expect(await got.exit()).toBe(1);
    expect(got.errors).toBe('error: Access is denied\n');
  });

  it('ends with 1 where the service refuses, 2 for wrong usage, 3 where there is no service', async () => {
    const nobody = `mqtt://127.0.0.1:${await freePort()}`;
    const [unknown, badNumber, badJson, nothing, unreachable] = await Promise.all([
      run('get', SAMPLE_DEVICE, '999999'),
      run('get', SAMPLE_DEVICE, 'x'),
      run('insert', SAMPLE_DEVICE, 'led/on', '--parameters', '[1]'),
      run('update', SAMPLE_DEVICE, '1'),
      run('--url', nobody, 'get', SAMPLE_DEVICE, '1'),
    ]);
    expect(unknown).toEqual({ code: 1, out: '', errors: 'error: Command with id = 999999 not found\n' });
    expect([badNumber.code, badJson.code, nothing.code]).toEqual([2, 2, 2]);
    expect(unreachable.code).toBe(3);
    expect(unreachable.errors).toContain(`No connection to ${nobody}: connect ECONNREFUSED`);
  });

  it('does not show an address that it refuses: there may be a password in it', async () => {
    const { code, errors } = await run('--url', 'mqtt://device:s3/cret@host', 'get', SAMPLE_DEVICE, '1');
    expect(code).toBe(2);
    expect(errors).toMatch(/^error: url: like mqtt:\/\/host:1883/);
    expect(errors).not.toContain('cret');
  });

  it('explains itself', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    expect(out).toContain('Exit codes: 0 done');
    expect(out).toContain('Examples:');
    expect(out).not.toContain(env.DEVICEHIVE_TOKEN);
  });
});
