import type { ActionNames } from './action-names.js';

/** Where a file gets its names from: the package, or the files of this repository. */
export interface Imports {
  /** one statement for each module, with these names of the package's entry */
  entry(names: string[]): string;
  /** of `nest-devicehive/testing` */
  testing: string;
  /** the module, from the end-to-end test */
  moduleFromTest: string;
}

/** The files of a module with one action; it checks who may act on the device, and answers. */
export const templates = {
  module: ({ resource, resourceClass, action }: ActionNames): string => `
import { Module } from '@nestjs/common';
import { ${resourceClass}Controller } from './${resource}.controller.js';

/** \`${action}\`. */
@Module({ controllers: [${resourceClass}Controller] })
export class ${resourceClass}Module {}
`,

  controller: (names: ActionNames, permission: string, { entry }: Imports): string => `
import { MessagePattern, Payload } from '@nestjs/microservices';
${entry(['ActionController', 'CurrentPrincipal', 'DEVICEHIVE', 'type Principal', 'RequirePermission', 'VisibleDevices'])}
import { ${names.dtoClass} } from './dto/${names.dtoFile}.dto.js';

@ActionController()
export class ${names.resourceClass}Controller {
  constructor(private readonly devices: VisibleDevices) {}

${handler(names, permission)}
}
`,

  dto: ({ action, dtoClass }: ActionNames): string => `
import { IsString } from 'class-validator';

/** The body of \`${action}\`; members that are not here are dropped. */
export class ${dtoClass} {
  @IsString({ message: 'deviceId must be text' })
  deviceId!: string;
}
`,

  spec: ({ resource, resourceClass, method }: ActionNames, { entry }: Imports): string => `
import { describe, expect, it } from 'vitest';
${entry(['ActionError', 'type Principal', 'type VisibleDevices'])}
import { ${resourceClass}Controller } from './${resource}.controller.js';

const principal = { userId: 1 } as Principal;
const controllerFor = (get: VisibleDevices['get']) => new ${resourceClass}Controller({ get } as VisibleDevices);

describe('${resourceClass}Controller.${method}', () => {
  it('asks for the device on behalf of the caller', async () => {
    const asked: unknown[] = [];
    const controller = controllerFor(async (...of) => {
      asked.push(of);
      return { deviceId: 'lamp', networkId: 1, deviceTypeId: 1 };
    });
    expect(await controller.${method}({ deviceId: 'lamp' }, principal)).toEqual({ deviceId: 'lamp' });
    expect(asked).toEqual([[principal, 'lamp']]);
  });

  it('refuses a device that the caller does not see', async () => {
    const controller = controllerFor(() => Promise.reject(new ActionError(404, 'Device not found')));
    await expect(controller.${method}({ deviceId: 'other' }, principal)).rejects.toMatchObject({ code: 404 });
  });
});
`,

  e2eSpec: ({ action, resourceClass }: ActionNames, permission: string, imports: Imports): string => `
import { describeActionContract, SAMPLE } from '${imports.testing}';
import { ${resourceClass}Module } from '${imports.moduleFromTest}';

describeActionContract({
  action: '${action}',
  permission: '${permission}',
  body: () => ({ deviceId: SAMPLE.deviceId }),
  wrong: [{ deviceId: null }],
  actions: [${resourceClass}Module],
});
`,
};

/** An action, as a method of a controller that has `VisibleDevices` as `devices`. */
export function handler({ action, method, dtoClass }: ActionNames, permission: string): string {
  return `  @MessagePattern('${action}', DEVICEHIVE)
  @RequirePermission('${permission}')
  async ${method}(@Payload() { deviceId }: ${dtoClass}, @CurrentPrincipal() principal: Principal) {
    const device = await this.devices.get(principal, deviceId);
    return { deviceId: device.deviceId };
  }`;
}
