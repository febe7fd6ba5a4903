import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { processesOfEachTest } from './support/process.js';

const { environment, start } = processesOfEachTest();

let dataDir: string;
/** Each test begins without a database. */
beforeEach(() => {
  ({ dataDir } = environment());
  rmSync(join(dataDir, 'postgres'), { recursive: true });
});

const databases = () => readdirSync(dataDir).filter((name) => name.startsWith('postgres'));

/** Resident memory of a process. */
function residentMB(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)])) / 1_024;
}

describe('the first start', () => {
  it('keeps no memory of making the database', async () => {
    const service = start();
    await service.ready();
    // What the start takes for a moment goes back to the system a little later.
    const resident = () => residentMB(service.child.pid!);
    await expect.poll(resident, { timeout: 60_000, interval: 500 }).toBeLessThan(450);
  });

  it('that is killed while it makes the database leaves nothing half-made', async () => {
    const killed = start();
    const isHalfMade = () => databases().some((name) => existsSync(join(dataDir, name, 'PG_VERSION')));
    await expect.poll(isHalfMade, { timeout: 60_000, interval: 1 }).toBe(true);
    killed.kill('SIGKILL');
    await killed.exit();
    expect(databases()).not.toContain('postgres');
    await start().ready();
    expect(databases()).toEqual(['postgres']);
  });
});
