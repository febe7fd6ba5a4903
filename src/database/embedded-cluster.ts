import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inDataDir } from '../protocol/data-dir.js';

const NAME = 'postgres';
const UNFINISHED = `${NAME}.new-`;
const PROCESS = fileURLToPath(new URL('./embedded-cluster.process.js', import.meta.url));

/**
 * Makes the files of the embedded database if there are none. A process of its own does it, because a thread leaves
 * behind much of the memory that `initdb` takes. They get their name when they are complete: a start that was killed
 * leaves only a folder that the next one removes.
 * @param dataDir must be held by this process alone, see `data-dir-lock.ts`
 * @returns their folder
 */
export async function makeCluster(dataDir: string): Promise<string> {
  const directory = join(dataDir, NAME);
  const unfinished = inDataDir(dataDir, () => {
    removeUnfinished(dataDir);
    return existsSync(join(directory, 'PG_VERSION')) ? undefined : mkdtempSync(join(dataDir, UNFINISHED));
  });
  if (unfinished === undefined) return directory;
  try {
    await promisify(execFile)(process.execPath, [PROCESS, unfinished]);
    inDataDir(dataDir, () => renameSync(unfinished, directory));
  } catch (error) {
    removeUnfinished(dataDir);
    throw error;
  }
  return directory;
}

function removeUnfinished(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    // The process of a start that was killed may still be adding files.
    const options = { recursive: true, force: true, maxRetries: 10 };
    if (name.startsWith(UNFINISHED)) rmSync(join(dataDir, name), options);
  }
}
