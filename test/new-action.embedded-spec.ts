import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SAMPLE } from '../src/seed.js';
import { processesOfEachTest } from './support/process.js';
import { copyProject } from './support/project-copy.js';

const execute = promisify(execFile);
const COPIED = [
  'src',
  'test',
  'migrations',
  'deploy',
  'package.json',
  'tsconfig.build.json',
  'tsconfig.json',
  'vitest.config.ts',
  '.oxlintrc.json',
  '.prettierrc.json',
];
const MAIN = resolve('dist/src/cli/main.js');
const { environment, start } = processesOfEachTest();
let project: ReturnType<typeof copyProject>;

beforeEach(() => {
  project = copyProject(COPIED);
});
afterEach(() => project?.dispose());

const runWith = async (environment: object, ...command: string[]) => {
  const { PATH, HOME } = process.env;
  const { stdout, stderr } = await execute(command[0]!, command.slice(1), {
    cwd: project.folder,
    env: { PATH, HOME, NO_COLOR: '1', ...environment },
  }).catch((error: Error & { stdout: string; stderr: string }) => {
    throw new Error(`${command.join(' ')}: ${error.message}\n${error.stdout}\n${error.stderr}`);
  });
  return stdout + stderr;
};
const run = (...command: string[]) => runWith({}, ...command);
const bin = (name: string) => resolve('node_modules/.bin', name);
const edit = (path: string, change: (text: string) => string) => {
  const file = join(project.folder, path);
  writeFileSync(file, change(readFileSync(file, 'utf8')));
};
const created = (said: string) => [...said.matchAll(/^CREATE {2}(\S+)$/gm)].map(([, file]) => file!);

describe('npm run new:action', { timeout: 180_000 }, () => {
  it('writes what passes lint, types and tests in this repository untouched', async () => {
    // Long enough for lines that break.
    const said = await run('node', MAIN, 'new:action', 'power-supply/switch-off');
    const files = created(said);
    expect(files).toHaveLength(5);
    expect(said).toContain('Add PowerSupplyModule to addedModules in src/actions/index.ts');
    await run(bin('oxlint'), '--deny-warnings', 'src', 'test');
    await run(bin('prettier'), '--check', ...files);
    await run('node_modules/typescript-7/bin/tsc', '--noEmit');
    const projects = ['--project', 'unit', '--project', 'embedded'];
    const tests = await run(bin('vitest'), 'run', ...projects, 'power-supply');
    expect(tests).toMatch(/Test Files +2 passed/);
  });

  it('writes an action that is given up after ACTION_TIMEOUT_MS once it is added as told', async () => {
    const said = await run('node', MAIN, 'new:action', 'slow/never');
    expect(said).toContain('Add SlowModule to addedModules in src/actions/index.ts');
    edit('src/actions/index.ts', (text) =>
      `import { SlowModule } from './slow/slow.module.js';\n${text}`.replace(
        /(const addedModules: Type\[\] = \[)\]/,
        '$1SlowModule]',
      ),
    );
    edit('src/actions/slow/slow.controller.ts', (text) =>
      text.replace(/return \{.*\};/, 'await new Promise(() => {});\n    return device;'),
    );
    await run('node_modules/typescript-7/bin/tsc', '-p', 'tsconfig.build.json');
    const env = { ...environment().env, ACTION_TIMEOUT_MS: '200' };
    const service = start(env, ['node', 'dist/src/main.js'], project.folder);
    const url = await service.ready();
    const login = {
      DEVICEHIVE_URL: url,
      DEVICEHIVE_LOGIN: SAMPLE.login,
      DEVICEHIVE_PASSWORD: SAMPLE.password,
    };
    const call = ['call', 'slow/never', JSON.stringify({ deviceId: SAMPLE.deviceId })];
    await expect(runWith(login, 'node', MAIN, ...call)).rejects.toThrow('The action took longer than 200 ms');
    const [, httpUrl] = /ready mqtt:\S+ (http:[\w/.:]+)/.exec(service.output)!;
    const description = await (await fetch(`${httpUrl}/asyncapi.json`)).text();
    expect(description).toContain('The action took longer than <n> ms');
  });

  it('writes nothing where npm has taken --dry-run for its own option', async () => {
    const said = await runWith({ npm_config_dry_run: 'true' }, 'node', MAIN, 'new:action', 'lamp/blink');
    expect(said).toContain('WOULD CREATE  src/actions/lamp/lamp.module.ts');
    expect(existsSync(join(project.folder, 'src/actions/lamp'))).toBe(false);
  });
});
