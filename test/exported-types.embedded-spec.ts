import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const PACKAGE = 'node_modules/nest-devicehive';
/** Nothing in it names a type of its own: the compiler has to. */
const SERVICE = `
import type * as dh from 'nest-devicehive';

export class Lamps {
  constructor(private readonly devices: dh.VisibleDevices) {}
  find = (principal: dh.Principal, id: string) => this.devices.get(principal, id);
  rights = ({ permissions }: dh.Principal) => permissions;
  limits = ({ networkIds }: dh.Principal) => networkIds;
  request = ({ request }: dh.DeviceHiveContext) => request;
  requestId = ({ request }: dh.DeviceHiveContext) => request.requestId;
  origin = ({ origin }: dh.DeviceHiveContext) => origin;
  kind = ({ kind }: dh.EventDescription) => kind;
  variables = ({ environment }: dh.DeviceHiveOptions) => environment;
}
`;
const COMPILER_OPTIONS = {
  target: 'ES2023',
  module: 'nodenext',
  strict: true,
  skipLibCheck: true,
  declaration: true,
  noEmit: true,
  types: [],
};
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'devicehive-project-'));
  mkdirSync(join(folder, PACKAGE), { recursive: true });
  for (const path of ['package.json', 'dist/src'])
    cpSync(path, join(folder, PACKAGE, path), { recursive: true });
  for (const name of readdirSync('node_modules')) {
    symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name));
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'lamps.ts'), SERVICE);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('exports the types that its API hands out, so that a service compiles with declarations', async () => {
  const compiler = resolve('node_modules/typescript-7/bin/tsc');
  const { stdout } = await promisify(execFile)('node', [compiler], { cwd: folder }).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe('');
});
