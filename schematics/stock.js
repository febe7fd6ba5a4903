import { lastValueFrom, of } from 'rxjs';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { inHouseStyle, withEndings } from './house-style.js';

const STOCK = '@nestjs/schematics';
const PACKAGE = '/package.json';
const NOT_AN_ACTION =
  'A stock @MessagePattern is no action of DeviceHive: choose the type rest, or write an action with ' +
  'nest g action lamp/list';

/**
 * The devkit says that a merge conflicted.
 * @param {Error} error
 * @returns {never}
 */
function refuse(error) {
  const [, path] = /merge conflicted on path "\/?(.*)"/.exec(error.message) ?? [];
  if (path === undefined) throw error;
  throw new Error(`${path} is there already: choose another name, or remove it first`);
}

/**
 * @param {string} text of a file
 * @returns {string | undefined} a package that it imports and the project does not have
 */
function missingIn(text) {
  const { resolve } = createRequire(join(process.cwd(), 'package.json'));
  const packages = [...text.matchAll(/\bfrom '(?!node:)((?:@[^/']+\/)?[^.'/][^/']*)/g)].map(
    ([, name]) => name ?? '',
  );
  return packages.find((name) => !resolve.paths(name)?.some((folder) => existsSync(join(folder, name))));
}

/** @type {(name: string) => import('./devkit.js').Factory<object>} Nest's own schematic, in the style of this repository */
const stock = (name) => (options) => async (tree, context) => {
  const schematic = context.engine
    .createCollection(STOCK, context.schematic.collection)
    .createSchematic(name);
  const sandbox = tree.branch();
  // `resource` would add a dependency, and install it, for a class of which nothing is left here.
  if (sandbox.exists(PACKAGE)) sandbox.delete(PACKAGE);
  const written = await lastValueFrom(schematic.call(options, of(sandbox), context)).catch(refuse);
  for (const { kind, path, content } of written.actions) {
    if (path === PACKAGE) continue;
    const text = content.toString();
    if (kind === 'o') tree.overwrite(path, await withEndings(path, text));
    else if (text.includes('@MessagePattern(')) throw new Error(NOT_AN_ACTION);
    else {
      const styled = await inHouseStyle(path, text);
      const missing = missingIn(styled);
      if (missing)
        throw new Error(`${path.slice(1)} would import ${missing}: install it first, or choose another type`);
      tree.create(path, styled);
    }
  }
};

const aClass = stock('class');
export { aClass as class };
export const controller = stock('controller');
export const filter = stock('filter');
export const gateway = stock('gateway');
export const guard = stock('guard');
export const interceptor = stock('interceptor');
export const middleware = stock('middleware');
export const module = stock('module');
export const pipe = stock('pipe');
export const provider = stock('provider');
export const resolver = stock('resolver');
export const resource = stock('resource');
export const service = stock('service');
