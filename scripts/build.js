// Compiles into dist, unless what is there is up to date. Without a compiler, as after `npm ci --omit=dev`, dist is
// taken as it is.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const COMPILER = 'node_modules/typescript-7/bin/tsc';
const PROGRAM = 'dist/src/main.js';
const SOURCES = ['src', 'migrations', 'tsconfig.json', 'tsconfig.build.json'];
/** Its time is when the last build by this script began: what has changed meanwhile is for the next one. */
const STAMP = 'dist/.built';

process.chdir(join(import.meta.dirname, '..'));

if (!existsSync(COMPILER)) {
  if (!existsSync(PROGRAM)) {
    console.error(
      'There is neither dist nor a compiler: run npm ci (without --omit=dev) and npm run build first',
    );
    process.exit(1);
  }
} else if (!isUpToDate()) {
  const begunAt = new Date();
  const { status } = spawnSync(process.execPath, [COMPILER, '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(STAMP, '');
  utimesSync(STAMP, begunAt, begunAt);
}

function isUpToDate() {
  return [PROGRAM, STAMP].every(existsSync) && timeOf(STAMP) >= Math.max(...SOURCES.map(lastChangeIn));
}

/**
 * Not of what a link points to, which may be gone: editors leave such links beside a file that is open.
 * @param {string} path
 */
function timeOf(path) {
  return lstatSync(path).mtimeMs;
}

/**
 * Looks at folders, too: a file that is removed changes its folder.
 * @param {string} path
 * @returns {number}
 */
function lastChangeIn(path) {
  if (!lstatSync(path).isDirectory()) return timeOf(path);
  return Math.max(timeOf(path), ...readdirSync(path).map((name) => lastChangeIn(join(path, name))));
}
