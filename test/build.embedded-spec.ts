import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { copyProject } from './support/project-copy.js';

let project: ReturnType<typeof copyProject>;
const at = (path: string) => join(project.folder, path);
const build = () => promisify(execFile)('node', [at('scripts/build.js')]);
const builtAt = () => statSync(at('dist/src/main.js')).mtimeMs;

beforeEach(() => {
  project = copyProject(['scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json']);
  for (const name of ['src', 'migrations']) mkdirSync(at(name));
  writeFileSync(at('src/main.ts'), 'export const answer: number = 1;');
});
afterEach(() => project.dispose());

it('a build is made once, and again after a change of a source', async () => {
  await build();
  const first = builtAt();
  await build();
  expect(builtAt()).toBe(first);
  writeFileSync(at('src/other.ts'), 'export const question = 6;');
  const later = new Date(Date.now() + 60_000);
  utimesSync(at('src/other.ts'), later, later);
  await build();
  expect(statSync(at('dist/src/other.js')).isFile()).toBe(true);
});

it('a build is made again if the program is gone, and is not held up by a link to nothing', async () => {
  symlinkSync('nowhere', at('src/.#main.ts'));
  await build();
  rmSync(at('dist/src'), { recursive: true });
  await build();
  expect(existsSync(at('dist/src/main.js'))).toBe(true);
});

it('a build does not stand for a source that changes while it is made', async () => {
  const building = build();
  await vi.waitUntil(() => existsSync(at('dist/src/main.js')), { timeout: 20_000, interval: 1 });
  const changed = new Date(statSync(at('dist/src/main.js')).mtimeMs - 1);
  utimesSync(at('src/main.ts'), changed, changed);
  await building;
  const first = builtAt();
  await build();
  expect(builtAt()).toBeGreaterThan(first);
});

it('a build that fails is made again the next time', async () => {
  writeFileSync(at('src/main.ts'), 'export const answer: number = "none";');
  await expect(build()).rejects.toMatchObject({ code: expect.toSatisfy((code: number) => code > 0) });
  await expect(build()).rejects.toMatchObject({ stdout: expect.stringContaining('src/main.ts') });
});

it('without a compiler what is built is taken, and a sentence says what to do if nothing is', async () => {
  rmSync(at('node_modules'));
  await expect(build()).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There is neither dist nor a compiler: run npm ci (without --omit=dev)'),
  });
  mkdirSync(at('dist/src'), { recursive: true });
  writeFileSync(at('dist/src/main.js'), '');
  await build();
});
