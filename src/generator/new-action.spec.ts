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
      'test/reboot.e2e.spec.ts',
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
    const test = read('test/reboot.e2e.spec.ts');
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

  it('has its valid body once in each test, so that a new field of the dto goes to one place', async () => {
    const { files } = await plan();
    const [spec, test] = [files[3]!.text, files[4]!.text];
    expect(spec).toContain(
      "// A new field of the dto goes here.\nconst body: ScheduleRebootDto = { deviceId: 'lamp' };",
    );
    expect([...spec.matchAll(/\.schedule\(([^)]*)\)/g)].map(([, given]) => given)).toEqual([
      'body, principal',
      'body, principal',
    ]);
    expect(test).toMatch(/A new field of the dto goes here[^\n]*\n {2}body: \(\) => /);
  });

  it('goes into an absolute folder of the project as into a relative one', async () => {
    const { files } = await plan({ folder: join(project, 'libs/things') });
    expect(files).toEqual((await plan({ folder: './libs//things/' })).files);
    expect(files[0]!.path).toBe('libs/things/reboot/reboot.module.ts');
  });

  it('comes with the way to its test runner where the project has none', async () => {
    expect((await plan()).advice).toContain('npm install -D vitest');
    mkdirSync(join(project, 'node_modules/vitest'), { recursive: true });
    put('node_modules/vitest/package.json', '{ "name": "vitest" }');
    expect((await plan()).advice).not.toContain('npm install -D vitest');
  });

  it('is refused where its controller has it already', async () => {
    writeAction(project, await plan());
    await expect(plan()).rejects.toThrow(/^reboot\/schedule is there already$/);
  });

  it.each([
    ['nothing of it', 'notes.txt', ''],
    ['HTTP routes', 'reboot.controller.ts', "@Controller('reboot') export class RebootController {}"],
  ])('is refused where its folder has %s', async (_, file, text) => {
    mkdirSync(join(project, 'src/reboot'), { recursive: true });
    put(`src/reboot/${file}`, text);
    await expect(plan()).rejects.toThrow(/^src\/reboot is something else: choose another --dir$/);
  });

  it('never overwrites a test', async () => {
    mkdirSync(join(project, 'test'));
    put('test/reboot.e2e.spec.ts', 'mine');
    await expect(plan()).rejects.toThrow('test/reboot.e2e.spec.ts is there already');
    expect(readdirSync(project).toSorted()).toEqual(['package.json', 'test']);
  });

  it('never overwrites what appears after the plan', async () => {
    const planned = await plan();
    mkdirSync(join(project, 'test'));
    put('test/reboot.e2e.spec.ts', 'mine');
    expect(() => writeAction(project, planned)).toThrow('EEXIST');
    expect(read('test/reboot.e2e.spec.ts')).toBe('mine');
  });

  it('is refused where the service has it already', async () => {
    await expect(plan({ action: 'command/update' })).rejects.toThrow(
      'command/update is an action of the service already',
    );
  });

  it.each(['', 'a b', "x'", '1st'])('is refused with the permission %j', async (permission) => {
    await expect(plan({ permission })).rejects.toThrow(
      `RebootController.schedule requires "${permission}": a permission is a letter and up to`,
    );
  });

  it("is refused with another spelling of one of DeviceHive's permissions", async () => {
    const refusal = 'requires createDeviceCommand: did you mean CreateDeviceCommand?';
    await expect(plan({ permission: 'createDeviceCommand' })).rejects.toThrow(refusal);
    await expect(plan({ action: 'devicetype/change' })).rejects.toThrow('did you mean ManageDeviceType?');
  });

  it.each(['..', '/etc', 'src/../..'])(
    'is refused in the folder %j, outside of the project',
    async (folder) => {
      await expect(plan({ folder })).rejects.toThrow(
        `"${folder}" is outside of the project in ${project}: choose a folder in it`,
      );
    },
  );

  it('is refused in a folder that an import could not name', async () => {
    await expect(plan({ folder: "src/'" })).rejects.toThrow(`"src/'" is no folder for code`);
  });

  it('needs a project', async () => {
    rmSync(join(project, 'package.json'));
    await expect(plan()).rejects.toThrow('run this in the folder of your project');
  });
});
