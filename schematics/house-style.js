import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const RELATIVE_IMPORT = /^(import\b[^;]*?\bfrom\s+['"]\.{1,2}\/[^'"]*?(?<!\.(?:js|json|mjs|cjs)))(?=['"])/gm;
const PARAMETER = /(?<=\(\s*|, )\w+(?=: )/g;
const ANY = /(?<=: |<)any\b/g;
const VITEST = ['afterEach', 'beforeEach', 'describe', 'expect', 'it'];

/**
 * A file of Nest's own schematics as this repository writes it: `nodenext` wants the endings of imported files, a parameter
 * without a use begins with `_`, nothing is `any`, specs run in Vitest, and dtos do not inherit.
 * @param {string} path in the project, from a slash on
 * @param {string} text
 * @returns {Promise<string>} formatted by the project's Prettier
 */
export function inHouseStyle(path, text) {
  const typed = text
    .replace(ANY, 'unknown')
    .replace(PARAMETER, (name) => (timesOf(name, text) === 1 ? `_${name}` : name));
  return withEndings(path, path.endsWith('.spec.ts') ? forVitest(typed) : withoutPartialType(typed));
}

/**
 * A file of the project's own that Nest's schematics have added an import to.
 * @param {string} path in the project, from a slash on
 * @param {string} text
 * @returns {Promise<string>} formatted by the project's Prettier
 */
export async function withEndings(path, text) {
  const { resolve } = createRequire(join(process.cwd(), 'package.json'));
  const { default: prettier } = await import(pathToFileURL(resolve('prettier')).href);
  const filepath = join(process.cwd(), path);
  const options = { ...(await prettier.resolveConfig(filepath)), filepath };
  return prettier.format(text.replace(RELATIVE_IMPORT, '$1.js'), options);
}

/** @param {string} name @param {string} text */
const timesOf = (name, text) => text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length;

/** @param {string} spec */
function forVitest(spec) {
  const used = VITEST.filter((name) => new RegExp(`\\b${name}\\(`).test(spec));
  const text = spec.replace("it('should be defined'", "it('is defined'");
  return `import { ${used.join(', ')} } from 'vitest';\n${text}`;
}

/** @param {string} dto */
function withoutPartialType(dto) {
  return dto
    .replace(/^import .*\bPartialType\b.*\n(import .*\n)?/m, '')
    .replace(/ extends PartialType\(\w+\)/, '');
}
