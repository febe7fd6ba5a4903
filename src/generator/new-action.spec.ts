import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planAction, writeAction } from './new-action.js';

let project: string;
const put = (path: string, text: string) => writeFileSync(join(project, path), text);
const read = (path: string) => readFileSync(join(project, path), 'utf8');

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'devicehive-generator-'));
  put('package.json', '{ "name": "my-app" }');
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const plan = (more: { action?: string; permission?: string; folder?: string } = {}) =>
  planAction({ project, action: 'reboot/schedule', ...more });

describe('a new action', () => {
  it('is a module, a controller, a dto and two specs that import the package', async () => {
    const planned = await plan();
    writeAction(project, planned);
    expect(planned.files.map(({ path }) => path)).toEqual([
      'src/reboot/reboot.module.ts',
      'src/reboot/reboot.controller.ts',
      'src/reboot/dto/schedule-reboot.dto.ts',
      'src/reboot/reboot.controller.spec.ts',
      'test/reboot.e2e-spec.ts',
    ]);
    const controller = read('src/reboot/reboot.controller.ts');
    for (const part of [
      "VisibleDevices } from 'nest-devicehive'",
      "from './dto/schedule-reboot.dto.js'",
      "@MessagePattern('reboot/schedule', DEVICEHIVE)",
      "@RequirePermission('ManageReboot')",
    ]) {
      expect(controller).toContain(part);
    }
    const test = read('test/reboot.e2e-spec.ts');
    expect(test).toContain("from 'nest-devicehive/testing'");
    expect(test).toContain("from '../src/reboot/reboot.module.js'");
  });

  it('comes with the lines that add it to the service', async () => {
    const { advice } = await plan({ folder: 'src/actions' });
    expect(advice).toContain("import { RebootModule } from './actions/reboot/reboot.module.js';");
    expect(advice).toContain('actions: [RebootModule]');
  });

  it('has the permission and the folder that are asked for', async () => {
    const { files } = await plan({ permission: 'Reboot:now', folder: 'libs/things' });
    expect(files[1]).toMatchObject({ path: 'libs/things/reboot/reboot.controller.ts' });
    expect(files[1]!.text).toContain("@RequirePermission('Reboot:now')");
    expect(files[4]!.text).toContain("from '../libs/things/reboot/reboot.module.js'");
  });

  it('writes nothing where its folder is there, and says how a second action is added', async () => {
    writeAction(project, await plan());
    const before = readdirSync(join(project, 'src/reboot'));
    await expect(plan({ action: 'reboot/cancel' })).rejects.toThrow(
      /src\/reboot is there already[^]*@MessagePattern\('reboot\/cancel', DEVICEHIVE\)[^]*async cancel\(/,
    );
    expect(readdirSync(join(project, 'src/reboot'))).toEqual(before);
  });

  it('never overwrites a test', async () => {
    mkdirSync(join(project, 'test'));
    put('test/reboot.e2e-spec.ts', 'mine');
    await expect(plan()).rejects.toThrow('test/reboot.e2e-spec.ts is there already');
    expect(readdirSync(project).toSorted()).toEqual(['package.json', 'test']);
  });

  it('never overwrites what appears after the plan', async () => {
    const planned = await plan();
    mkdirSync(join(project, 'test'));
    put('test/reboot.e2e-spec.ts', 'mine');
    expect(() => writeAction(project, planned)).toThrow('EEXIST');
    expect(read('test/reboot.e2e-spec.ts')).toBe('mine');
  });

  it('is refused where the service has it already', async () => {
    await expect(plan({ action: 'command/update' })).rejects.toThrow(
      'command/update is an action of the service already',
    );
  });

  it.each(['', 'a b', "x'", '1st'])('is refused with the permission %j', async (permission) => {
    await expect(plan({ permission })).rejects.toThrow('is no permission');
  });

  it.each(['..', '/etc', 'src/../..', "src/'"])('is refused in the folder %j', async (folder) => {
    await expect(plan({ folder })).rejects.toThrow('is no folder of this project');
  });

  it('needs a project', async () => {
    rmSync(join(project, 'package.json'));
    await expect(plan()).rejects.toThrow('run this in the folder of your project');
  });
});
