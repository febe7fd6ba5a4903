import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inDataDir } from '../protocol/data-dir.js';

/**
 * Takes a data directory for this process, creating it with mode 0700.
 * The lock is a file with our process id and start time, so that one left by a killed process, or by a former
 * one with our id (always the same in a container), does not keep the next start out.
 * @returns gives the directory back
 * @throws where another process holds it, naming its id, and where it cannot be written
 */
export function lockDataDir(dataDir: string): () => void {
  const lock = join(dataDir, 'lock');
  const mine = join(dataDir, `lock.${process.pid}`);
  inDataDir(dataDir, () => {
    writeFileSync(mine, `${process.pid} ${startTime(process.pid)}`, { mode: 0o600 });
    try {
      while (!tryLink(mine, lock)) removeIfStale(lock, dataDir);
    } finally {
      rmSync(mine, { force: true });
    }
  });
  return () => rmSync(lock, { force: true });
}

/** A link appears whole or not at all, and never replaces a file. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function removeIfStale(lock: string, dataDir: string): void {
  const holder = read(lock);
  if (holder === undefined) return;
  const [pid, startedAt] = holder.split(' ');
  if (isAlive(Number(pid)) && startTime(Number(pid)) === startedAt) {
    throw new Error(
      `DATA_DIR ${dataDir} is in use by process ${pid}: stop that one first, or set DATA_DIR to another folder`,
    );
  }
  // Moved aside before it goes, so that of two starts only one removes it, and nobody a fresh lock.
  const aside = `${lock}.stale.${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  if (read(aside) !== holder) tryLink(aside, lock);
  rmSync(aside, { force: true });
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Clock ticks since boot at which the process started (proc(5), field 22); where there is no /proc the id must do. */
function startTime(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '?';
}
