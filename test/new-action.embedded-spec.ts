import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const execute = promisify(execFile);
const COPIED = [
  'src',
  'test',
  'migrations',
  'deploy',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  '.oxlintrc.json',
  '.prettierrc.json',
];
let project: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'devicehive-new-action-'));
  for (const path of COPIED) cpSync(path, join(project, path), { recursive: true });
  symlinkSync(resolve('node_modules'), join(project, 'node_modules'));
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

const run = async (...command: string[]) => {
  const { PATH, HOME } = process.env;
  const { stdout, stderr } = await execute(command[0]!, command.slice(1), {
    cwd: project,
    env: { PATH, HOME, NO_COLOR: '1' },
  }).catch((error: Error & { stdout: string; stderr: string }) => {
    throw new Error(`${command.join(' ')}: ${error.message}\n${error.stdout}\n${error.stderr}`);
  });
  return stdout + stderr;
};
const bin = (name: string) => resolve('node_modules/.bin', name);

describe('npm run new:action', { timeout: 180_000 }, () => {
  it('writes what passes lint, types and tests in this repository untouched', async () => {
    // Long enough for lines that break.
    const said = await run('node', resolve('dist/src/cli/main.js'), 'new:action', 'power-supply/switch-off');
    const files = [...said.matchAll(/^CREATE {2}(\S+)$/gm)].map(([, file]) => file!);
    expect(files).toHaveLength(5);
    expect(said).toContain('Add PowerSupplyModule to src/actions/index.ts');
    await run(bin('oxlint'), '--deny-warnings', 'src', 'test');
    await run(bin('prettier'), '--check', ...files);
    await run(bin('tsc'), '--noEmit');
    const projects = ['--project', 'unit', '--project', 'embedded'];
    const tests = await run(bin('vitest'), 'run', ...projects, 'power-supply');
    expect(tests).toMatch(/Test Files +2 passed/);
  });
});
