import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes `DATA_DIR` where it is missing, for its owner alone, and works in it.
 * @throws what the work throws; where the system refuses, with the name of the variable
 */
export function inDataDir<Result>(dataDir: string, work: () => Result): Result {
  try {
    makeFolder(dataDir);
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new Error(`DATA_DIR cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

/** As Node's recursive `mkdirSync`, which never ends where the system says ENOENT of a folder whose parent is there, as in /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!existsSync(path)) throw error;
  }
}
