import { posix } from 'node:path';
import { actionsOf } from '../actions/handlers.js';
import { actionModules } from '../actions/index.js';
import { OwnPermissions } from '../auth/own-permissions.js';
import { SAMPLE } from '../seed.js';
import { type ActionNames, namesOf } from './action-names.js';
import { howToAdd, type ModuleFiles } from './another-action.js';
import { Project, type ProjectFile } from './project.js';
import { templates } from './templates.js';

export interface NewActionOptions {
  /** the project's folder */
  project: string;
  /** e.g. `reboot/schedule` */
  action: string;
  /** who may call it; `Manage` and the resource unless told */
  permission?: string;
  /** where the module's folder goes; `src` unless told, `src/actions` in this repository */
  folder?: string;
}

export interface NewAction {
  files: ProjectFile[];
  /** what is left to do */
  advice: string;
}

/**
 * The files of a module with this action, and nothing written yet.
 * @throws where a name or a permission would not do, the action is there already, a file would be overwritten or there
 *   is no project; the text says what to do instead
 */
export async function planAction(options: NewActionOptions): Promise<NewAction> {
  const names = namesOf(options.action);
  const { action, resource, resourceClass, dtoFile, method } = names;
  const project = new Project(options.project);
  const parent = project.folder(options.folder ?? (project.isOwn ? 'src/actions' : 'src'));
  if (project.isOwn && parent.startsWith('src/actions/')) {
    throw new Error(`${parent} is inside of an action's folder: leave the folder out, or choose src/actions`);
  }
  const folder = posix.join(parent, resource);
  // The service would refuse to start with two, and with the wrong spelling of a permission.
  if (actionsOf(actionModules).includes(action)) {
    throw new Error(`${action} is an action of the service already`);
  }
  const controllerFile = `${folder}/${resource}.controller.ts`;
  const permission =
    options.permission ?? onlyPermissionIn(project.read(controllerFile)) ?? `Manage${resourceClass}`;
  new OwnPermissions().declare(permission, `${resourceClass}Controller.${method}`);

  // Vitest's default pattern takes it; in this repository a pattern of its own says which project runs it.
  const testFile = `test/${resource}.${project.isOwn ? 'e2e-spec' : 'e2e.spec'}.ts`;
  const module = project.importsFrom('test').file(`${folder}/${resource}.module.js`);
  const endToEnd = templates.endToEnd(names, permission, project.importsFrom('test'), module);
  const imports = project.importsFrom(folder);
  const file = (path: string, text: string): ProjectFile => ({ path, text: text.trimStart() });
  const files: ModuleFiles = {
    module: file(`${folder}/${resource}.module.ts`, templates.module(names)),
    controller: file(controllerFile, templates.controller(names, permission, imports)),
    dto: file(`${folder}/dto/${dtoFile}.dto.ts`, templates.dto(names, project.importsFrom(`${folder}/dto`))),
    spec: file(`${folder}/${resource}.controller.spec.ts`, templates.spec(names, imports)),
    endToEnd: file(testFile, endToEnd),
  };
  if (project.has(folder)) throw new Error(howToAdd(project, folder, names, permission, files));
  if (project.has(testFile)) throw new Error(`${testFile} is there already`);

  return {
    files: await project.formatted(Object.values(files)),
    advice: adviceFor(project, names, project.importsFrom('src').file(`${folder}/${resource}.module.js`)),
  };
}

/** Writes the files; none that is there. */
export function writeAction(project: string, { files }: NewAction): void {
  const target = new Project(project);
  for (const file of files) target.create(file);
}

/** What a controller's actions require, where all require the same. */
function onlyPermissionIn(controller: string): string | undefined {
  const required = [...controller.matchAll(/\bRequirePermission\(([^)]*)\)/g)].map(([, names]) => names!);
  const [permission, ...others] = new Set(
    required.flatMap((names) => names.match(/(?<=['"`])[\w.:-]+(?=['"`])/g) ?? []),
  );
  return others.length === 0 ? permission : undefined;
}

/** @param module how the project's start imports it */
function adviceFor(project: Project, { action, resourceClass }: ActionNames, module: string): string {
  const login = `DEVICEHIVE_LOGIN=${SAMPLE.login} DEVICEHIVE_PASSWORD='${SAMPLE.password}'`;
  const call = `call ${action} '${JSON.stringify({ deviceId: SAMPLE.deviceId })}'`;
  if (project.isOwn) {
    return (
      `Add ${resourceClass}Module to addedModules in src/actions/index.ts, and run npm run mosquitto:acl.\n\n` +
      `Try it, with -u and the URL that the start has told if it is not 1883:\n${login} npm run -s dh -- ${call}`
    );
  }
  const runner = project.resolves('vitest')
    ? ''
    : 'Its tests import Vitest, which this project does not have: npm install -D vitest\n\n';
  return (
    `Add it to the service, in createApp() or DeviceHiveModule.forRoot():\n\n` +
    `  import { ${resourceClass}Module } from '${module}';\n\n` +
    `  actions: [${resourceClass}Module],\n\n` +
    `${runner}Try it, with -u and the URL if the service is not at 1883 of this machine:\n${login} npx devicehive ${call}`
  );
}
