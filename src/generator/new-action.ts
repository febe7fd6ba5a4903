import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isPermissionName } from '../protocol/permissions.js';
import { namesOf } from './action-names.js';
import { handler, type Imports, templates } from './templates.js';

const PACKAGE = 'nest-devicehive';

/** Where this repository has what its users import from the package. */
const OWN_FILES: Record<string, string> = {
  ActionController: 'src/actions/action-controller.decorator.js',
  ActionError: 'src/protocol/action-error.js',
  CurrentPrincipal: 'src/auth/principal.js',
  DEVICEHIVE: 'src/transport/devicehive.context.js',
  Principal: 'src/auth/principal.js',
  RequirePermission: 'src/auth/require-permission.decorator.js',
  VisibleDevices: 'src/actions/visible-devices.js',
};

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
  files: { path: string; text: string }[];
  /** what is left to do */
  advice: string;
}

/**
 * The files of a module with this action, and nothing written yet.
 * @throws where the name is no name, the action is there already, a file would be overwritten or there is no project;
 *   the text says what to do instead
 */
export async function planAction(options: NewActionOptions): Promise<NewAction> {
  const { project } = options;
  const names = namesOf(options.action);
  const { resource, resourceClass, dtoFile } = names;
  const permission = options.permission ?? `Manage${resourceClass}`;
  if (!isPermissionName(permission)) {
    throw new Error(
      `${JSON.stringify(permission)} is no permission: it is a letter and up to 63 letters, digits, _ . : or -`,
    );
  }
  const isOwn = packageNameIn(project) === PACKAGE;
  const folder = join(options.folder ?? (isOwn ? 'src/actions' : 'src'), resource);
  if (/[^\w./ @-]/.test(folder) || relative(project, resolve(project, folder)).startsWith('..')) {
    throw new Error(`${JSON.stringify(folder)} is no folder of this project`);
  }
  await refuseKnown(names.action);
  if (existsSync(join(project, folder))) {
    throw new Error(
      `${folder} is there already. Another action of the same resource is a method of its controller, and a class ` +
        `of its own in ${folder}/dto:\n\n${handler(names, permission)}\n`,
    );
  }

  const importsOf = (from: string): Imports => {
    const to = (file: string) => specifier(from, file);
    return {
      entry: (wanted) => (isOwn ? ownImports(wanted, to) : importLine(wanted, PACKAGE)),
      testing: isOwn ? to('src/testing/index.js') : `${PACKAGE}/testing`,
      moduleFromTest: to(`${folder}/${resource}.module.js`),
    };
  };
  const inModule = importsOf(folder);
  const files = [
    { path: `${folder}/${resource}.module.ts`, text: templates.module(names) },
    { path: `${folder}/${resource}.controller.ts`, text: templates.controller(names, permission, inModule) },
    { path: `${folder}/dto/${dtoFile}.dto.ts`, text: templates.dto(names) },
    { path: `${folder}/${resource}.controller.spec.ts`, text: templates.spec(names, inModule) },
    { path: `test/${resource}.e2e-spec.ts`, text: templates.e2eSpec(names, permission, importsOf('test')) },
  ].map(({ path, text }) => ({ path: path.split(sep).join('/'), text: text.trimStart() }));
  const taken = files.filter(({ path }) => existsSync(join(project, path)));
  if (taken.length > 0) throw new Error(`${taken.map(({ path }) => path).join(', ')} is there already`);

  return {
    files: await formatted(project, files),
    advice: isOwn
      ? `Add ${resourceClass}Module to src/actions/index.ts, and run npm run mosquitto:acl.`
      : `Add it to the service, in createApp() or DeviceHiveModule.forRoot():\n\n` +
        `  import { ${resourceClass}Module } from '${specifier('src', `${folder}/${resource}.module.js`)}';\n\n` +
        `  actions: [${resourceClass}Module],`,
  };
}

/** Writes the files; none that is there. */
export function writeAction(project: string, { files }: NewAction): void {
  for (const { path, text } of files) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text, { flag: 'wx' });
  }
}

function packageNameIn(project: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { name?: string }).name;
  } catch (error) {
    throw new Error(`There is no readable package.json here: run this in the folder of your project`, {
      cause: error,
    });
  }
}

/** The service would refuse to start with two. */
async function refuseKnown(action: string): Promise<void> {
  const [{ actionsOf }, { actionModules }] = await Promise.all([
    import('../actions/handlers.js'),
    import('../actions/index.js'),
  ]);
  if (actionsOf(actionModules).includes(action)) {
    throw new Error(`${action} is an action of the service already`);
  }
}

const importLine = (names: string[], from: string) => `import { ${names.join(', ')} } from '${from}';`;

function ownImports(names: string[], to: (file: string) => string): string {
  const fileOf = (name: string) => OWN_FILES[name.replace('type ', '')]!;
  return [...new Set(names.map(fileOf))]
    .map((file) =>
      importLine(
        names.filter((name) => fileOf(name) === file),
        to(file),
      ),
    )
    .join('\n');
}

/** How a file in one folder of the project imports another of it. */
function specifier(folder: string, file: string): string {
  const path = relative(folder, file).split(sep).join('/');
  return path.startsWith('.') ? path : `./${path}`;
}

/** As the project's own Prettier writes them, where it has one. */
async function formatted(project: string, files: NewAction['files']): Promise<NewAction['files']> {
  let prettier: typeof import('prettier');
  try {
    const path = createRequire(join(project, 'package.json')).resolve('prettier');
    prettier = ((await import(pathToFileURL(path).href)) as { default: typeof prettier }).default;
  } catch {
    return files;
  }
  return Promise.all(
    files.map(async ({ path, text }) => {
      const filepath = join(project, path);
      const config = await prettier.resolveConfig(filepath);
      return { path, text: await prettier.format(text, { ...config, filepath }) };
    }),
  );
}
