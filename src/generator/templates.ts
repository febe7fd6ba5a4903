import type { ActionNames } from './action-names.js';
import type { Imports } from './project.js';

/** What a handler needs of the package's entry, beside its class's `ActionController`. */
export const HANDLER_NAMES = [
  'CurrentPrincipal',
  'DEVICEHIVE',
  'type Principal',
  'RequirePermission',
  'VisibleDevices',
];

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
${entry(['ActionController', ...HANDLER_NAMES])}
import { ${names.dtoClass} } from './dto/${names.dtoFile}.dto.js';

@ActionController()
export class ${names.resourceClass}Controller {
  constructor(private readonly devices: VisibleDevices) {}

${handler(names, permission)}
}
`,

  dto: ({ action, dtoClass }: ActionNames, { entry }: Imports): string => `
${entry(['TextField'])}

/** The body of \`${action}\`; members without a decorator are dropped. */
export class ${dtoClass} {
  @TextField({ required: 'deviceId must be text', wrong: 'deviceId must be text' })
  deviceId!: string;
}
`,

  spec: ({ resource, resourceClass, method, dtoFile, dtoClass }: ActionNames, { entry }: Imports): string => `
import { describe, expect, it } from 'vitest';
${entry(['ActionError', 'type Principal', 'type VisibleDevices'])}
import type { ${dtoClass} } from './dto/${dtoFile}.dto.js';
import { ${resourceClass}Controller } from './${resource}.controller.js';

// A new field of the dto goes here.
const body: ${dtoClass} = { deviceId: 'lamp' };
const principal = { userId: 1 } as Principal;
const controllerFor = (get: VisibleDevices['get']) => new ${resourceClass}Controller({ get } as VisibleDevices);

describe('${resourceClass}Controller.${method}', () => {
  it('asks for the device on behalf of the caller', async () => {
    const asked: unknown[] = [];
    const controller = controllerFor(async (...of) => {
      asked.push(of);
      return { deviceId: 'lamp', networkId: 1, deviceTypeId: 1 };
    });
    expect(await controller.${method}(body, principal)).toEqual({ deviceId: 'lamp' });
    expect(asked).toEqual([[principal, 'lamp']]);
  });

  it('refuses a device that the caller does not see', async () => {
    const controller = controllerFor(() => Promise.reject(new ActionError(404, 'Device not found')));
    await expect(controller.${method}(body, principal)).rejects.toMatchObject({ code: 404 });
  });
});
`,

  /** @param module how the test imports it */
  endToEnd: (names: ActionNames, permission: string, { testing }: Imports, module: string): string => `
import { describeActionContract, SAMPLE } from '${testing}';
import { ${names.resourceClass}Module } from '${module}';

${contract(names, permission)}
`,
};

/** An action, as a method of a controller that has `VisibleDevices` as `devices`. */
export function handler({ action, method, dtoClass }: ActionNames, permission: string): string {
  return `  // A request may come again after a crash, with the same requestId: make this idempotent.
  @MessagePattern('${action}', DEVICEHIVE)
  @RequirePermission('${permission}')
  async ${method}(@Payload() { deviceId }: ${dtoClass}, @CurrentPrincipal() principal: Principal) {
    const device = await this.devices.get(principal, deviceId);
    return { deviceId: device.deviceId };
  }`;
}

/** An action's part of the end-to-end test. */
export function contract({ action, resourceClass }: ActionNames, permission: string): string {
  return `describeActionContract({
  action: '${action}',
  permission: '${permission}',
  // A new field of the dto goes here, and a wrong value of it into the next line.
  body: () => ({ deviceId: SAMPLE.deviceId }),
  wrong: [{ deviceId: null }],
  actions: [${resourceClass}Module],
});`;
}
