import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The permission bits of everybody but the owner. */
const OTHERS = 0o077;
const STICKY = 0o1000;
/** The service's files and folders, copies of them included; what else is in `DATA_DIR` is left as it is. */
const OWN = /^(jwt-secret|lock|postgres|sessions|sessions\.pid|run-[0-9a-f]{16}\.json)(\.|$)/;

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

/**
 * Makes a folder for its owner alone, and its parents, unless it is there. Node's recursive `mkdirSync` never ends where the system says
 * ENOENT of a folder whose parent is there, as in /proc.
 */
export function makeFolder(path: string): void {
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) return;
    throw Object.assign(new Error(`${path} is not a folder`), { code: 'ENOTDIR', syscall: 'mkdir' });
  }
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!existsSync(path)) throw error;
  }
}

/**
 * Takes the permissions of other users from an existing `DATA_DIR` and from the service's files in it.
 * @returns a warning if that fails. It is no error: a volume may belong to another user, as with Kubernetes' `fsGroup`
 */
export function closeDataDir(dataDir: string): string | undefined {
  const failures: string[] = [];
  try {
    const { mode } = statSync(dataDir);
    const names = readdirSync(dataDir);
    const foreign = names.find((name) => !OWN.test(name) && name !== 'lost+found');
    // A folder such as /tmp, /var/lib or that of a project is not the service's to close.
    if (mode & STICKY) failures.push('the folder is shared, it has the sticky bit');
    else if (mode & OTHERS && foreign !== undefined) failures.push(`it has other files too, like ${foreign}`);
    else if (mode & OTHERS) attempt(failures, () => chmodSync(dataDir, mode & ~OTHERS & 0o7777));
    for (const name of names) if (OWN.test(name)) closeTree(join(dataDir, name), failures);
  } catch {
    // There is no folder yet, or none that can be read; whoever works in it says so.
    return undefined;
  }
  if (failures.length === 0) return undefined;
  return `DATA_DIR ${dataDir} is open to other users of this machine (${failures[0]}): give the service a folder of its own, with mode 700`;
}

/**
 * Takes the permissions of other users from a file, or from a folder and all that is in it. Links are not followed:
 * another user may have put them there.
 * @param failures gets the messages of the system
 */
export function closeTree(path: string, failures: string[] = []): void {
  attempt(failures, () => {
    const stats = lstatSync(path);
    if (stats.isSymbolicLink()) return;
    if (stats.mode & OTHERS) attempt(failures, () => chmodSync(path, stats.mode & ~OTHERS & 0o7777));
    if (!stats.isDirectory()) return;
    for (const name of readdirSync(path)) closeTree(join(path, name), failures);
  });
}

/** A file that is gone needs no permissions: another process may share the folder. */
function attempt(failures: string[], change: () => void): void {
  try {
    change();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') failures.push((error as Error).message);
  }
}
