import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDataDir } from './data-dir-lock.js';

/** Elsewhere than on Linux only the process id tells a stale lock. */
const hasStartTimes = existsSync('/proc/self/stat');

describe('lockDataDir', () => {
  let parent: string;
  let dataDir: string;
  const lockFile = () => join(dataDir, 'lock');
  const holder = () => readFileSync(lockFile(), 'utf8').split(' ')[0];

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'devicehive-lock-'));
    dataDir = join(parent, 'data', 'here');
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  /** A data directory with the lock of another process. */
  function leaveLock(content: string): void {
    lockDataDir(dataDir)();
    writeFileSync(lockFile(), content);
  }

  it('creates the directory for its owner alone and leaves only the lock in it', () => {
    lockDataDir(dataDir);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(lockFile()).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['lock']);
    expect(holder()).toBe(String(process.pid));
  });

  it('refuses a second lock, naming the process, the directory and what to do', () => {
    lockDataDir(dataDir);
    expect(() => lockDataDir(dataDir)).toThrow(
      `DATA_DIR ${dataDir} is in use by process ${process.pid}: stop that one first, or set DATA_DIR to another folder`,
    );
    expect(readdirSync(dataDir)).toEqual(['lock']);
  });

  it('gives the directory back', () => {
    const unlock = lockDataDir(dataDir);
    unlock();
    expect(readdirSync(dataDir)).toEqual([]);
    expect(() => lockDataDir(dataDir)).not.toThrow();
  });

  it('locks each directory by itself', () => {
    lockDataDir(dataDir);
    expect(() => lockDataDir(join(parent, 'other'))).not.toThrow();
  });

  it('refuses a directory that another living process holds', () => {
    leaveLock(`${process.ppid} ${startTime(process.ppid)}`);
    expect(() => lockDataDir(dataDir)).toThrow(`in use by process ${process.ppid}`);
    expect(holder()).toBe(String(process.ppid));
  });

  const stale: [string, () => string][] = [
    ['a process that is gone', () => `${spawnSync(process.execPath, ['--version']).pid} 1`],
    ['nobody', () => ''],
    ['something else', () => 'not a lock'],
  ];
  if (hasStartTimes) {
    stale.push(['a former process with the id of this one', () => `${process.pid} 1`]);
    stale.push(['a former process with the id of another one', () => `${process.ppid} 1`]);
  }

  it.each(stale)('takes over the lock of %s', (_, content) => {
    leaveLock(content());
    const unlock = lockDataDir(dataDir);
    expect(readFileSync(lockFile(), 'utf8')).toBe(`${process.pid} ${startTime(process.pid)}`);
    expect(readdirSync(dataDir)).toEqual(['lock']);
    unlock();
    expect(readdirSync(dataDir)).toEqual([]);
  });
});

/** Field 22 of proc(5); the name in field 2 may hold spaces and parentheses. */
function startTime(pid: number): string | undefined {
  if (!hasStartTimes) return '?';
  return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').split(' ')[20];
}
