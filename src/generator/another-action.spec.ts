import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planAction, writeAction } from './new-action.js';

let project: string;
const CONTROLLER = 'src/reboot/reboot.controller.ts';
const change = (path: string, from: string | RegExp, to: string) => {
  const file = join(project, path);
  writeFileSync(file, readFileSync(file, 'utf8').replace(from, to));
};
/** What is said of a second action. */
const refusal = (permission?: string) =>
  planAction({ project, action: 'reboot/cancel', permission }).then(
    () => 'nothing',
    (error: Error) => error.message,
  );

beforeEach(async () => {
  project = mkdtempSync(join(tmpdir(), 'devicehive-generator-'));
  writeFileSync(join(project, 'package.json'), '{ "name": "my-app" }');
  writeAction(project, await planAction({ project, action: 'reboot/schedule' }));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

describe('another action of a resource', () => {
  it('is told with all that is to be added, and writes nothing', async () => {
    const before = readdirSync(project, { recursive: true });
    expect(await refusal())
      .toBe(`src/reboot is there already: nothing was written. To add reboot/cancel to it:

--- src/reboot/dto/cancel-reboot.dto.ts, a new file

import { TextField } from 'nest-devicehive';

/** The body of \`reboot/cancel\`; members without a decorator are dropped. */
export class CancelRebootDto {
  @TextField({ required: 'deviceId must be text', wrong: 'deviceId must be text' })
  deviceId!: string;
}

--- src/reboot/reboot.controller.ts, above the class

import { CancelRebootDto } from './dto/cancel-reboot.dto.js';

--- src/reboot/reboot.controller.ts, in the class

  // A request may come again after a crash, with the same requestId: make this idempotent.
  @MessagePattern('reboot/cancel', DEVICEHIVE)
  @RequirePermission('ManageReboot')
  async cancel(@Payload() { deviceId }: CancelRebootDto, @CurrentPrincipal() principal: Principal) {
    const device = await this.devices.get(principal, deviceId);
    return { deviceId: device.deviceId };
  }

--- test/reboot.e2e.spec.ts, at the end

describeActionContract({
  action: 'reboot/cancel',
  permission: 'ManageReboot',
  // A new field of the dto goes here, and a wrong value of it into the next line.
  body: () => ({ deviceId: SAMPLE.deviceId }),
  wrong: [{ deviceId: null }],
  actions: [RebootModule],
});`);
    expect(readdirSync(project, { recursive: true })).toEqual(before);
  });

  it('has the permission that the controller has everywhere, unless it is told another', async () => {
    change(CONTROLLER, "'ManageReboot'", "'Reboot:now'");
    expect(await refusal()).toContain("permission: 'Reboot:now'");
    expect(await refusal('Other')).toContain("@RequirePermission('Other')");
  });

  it('has a permission of its own where the controller has several', async () => {
    change(CONTROLLER, "'ManageReboot'", "'GetDevice', 'RegisterDevice'");
    expect(await refusal()).toContain("@RequirePermission('ManageReboot')");
  });

  it('is told with what the controller lacks, and with the whole test where there is none', async () => {
    change(CONTROLLER, /VisibleDevices|type Principal, /g, '');
    change(CONTROLLER, 'principal: Principal', 'principal: object');
    rmSync(join(project, 'test'), { recursive: true });
    const text = await refusal();
    expect(text).toContain("import { type Principal, VisibleDevices } from 'nest-devicehive';");
    expect(text).toContain('private readonly devices: VisibleDevices,');
    expect(text).toContain("import { RebootModule } from '../src/reboot/reboot.module.js';");
  });

  it('is told with the list of topics in the repository of the service', async () => {
    writeFileSync(join(project, 'package.json'), '{ "name": "nest-devicehive" }');
    await expect(planAction({ project, action: 'reboot/cancel', folder: 'src' })).rejects.toThrow(
      /Then run npm run mosquitto:acl\.$/,
    );
  });
});
