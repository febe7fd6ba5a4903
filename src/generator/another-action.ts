import type { ActionNames } from './action-names.js';
import { importLine, type Project, type ProjectFile } from './project.js';
import { contract, handler, HANDLER_NAMES } from './templates.js';

export type ModuleFiles = Record<'module' | 'controller' | 'dto' | 'spec' | 'endToEnd', ProjectFile>;

/**
 * Why no module is written where its folder is there already, and what to add to the one that is in it.
 * @param files what would be written without it
 */
export function howToAdd(
  project: Project,
  folder: string,
  names: ActionNames,
  permission: string,
  { controller, dto, endToEnd }: ModuleFiles,
): string {
  const { action, dtoClass, dtoFile } = names;
  const text = project.read(controller.path);
  if (new RegExp(`['"\`]${action}['"\`]`).test(text)) return `${action} is there already`;
  // Without the decorator it is a controller of something else, like HTTP routes.
  if (!/\bActionController\b/.test(text)) return `${folder} is something else: choose another --dir`;

  const missing = (wanted: string[]) =>
    wanted.filter((name) => !new RegExp(`\\b${name.replace('type ', '')}\\b`).test(text));
  const ofNest = missing(['MessagePattern', 'Payload']);
  const ofService = missing(HANDLER_NAMES);
  const imports = [
    ofNest.length > 0 && importLine(ofNest, '@nestjs/microservices'),
    ofService.length > 0 && project.importsFrom(folder).entry(ofService),
    importLine([dtoClass], `./dto/${dtoFile}.dto.js`),
  ].filter((line) => line !== false);
  const isTested = /\bdescribeActionContract\b/.test(project.read(endToEnd.path));
  const parts = [
    [`${dto.path}, a new file`, dto.text],
    [`${controller.path}, above the class`, imports.join('\n')],
    ofService.includes('VisibleDevices') && [
      `${controller.path}, in the constructor's brackets`,
      '    private readonly devices: VisibleDevices,',
    ],
    [`${controller.path}, in the class`, handler(names, permission)],
    isTested ? [`${endToEnd.path}, at the end`, contract(names, permission)] : [endToEnd.path, endToEnd.text],
  ].filter((part) => part !== false);
  return [
    `${folder} is there already: nothing was written. To add ${action} to it:`,
    ...parts.map(([where, what]) => `--- ${where}\n\n${what!.trimEnd()}`),
    project.isOwn ? 'Then run npm run mosquitto:acl.' : '',
  ]
    .join('\n\n')
    .trimEnd();
}
