import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const REPOSITORY = join(import.meta.dirname, '..');

/**
 * `nest g action reboot/schedule [folder]` writes what `new:action` writes. The Nest CLI has made small letters and dashes
 * of the name's capitals before, so the name is told.
 * @type {import('./devkit.js').Factory<{ name: string, path?: string }>}
 */
export const main =
  ({ name, path }) =>
  async (tree, { logger }) => {
    const { planAction } = await generator();
    const { files, advice } = await planAction({ project: process.cwd(), action: name, folder: path });
    for (const file of files) tree.create(file.path, file.text);
    logger.info(`The action is ${name}.\n\n${advice}\n`);
  };

/** @returns {Promise<typeof import('../src/generator/new-action.js')>} as the sources are now */
async function generator() {
  const build = join(REPOSITORY, 'scripts/build.js');
  const { status } = spawnSync(process.execPath, [build], { stdio: 'inherit' });
  if (status !== 0) throw new Error('The generator does not compile: mend what is reported above');
  return import(pathToFileURL(join(REPOSITORY, 'dist/src/generator/new-action.js')).href);
}
