import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processesOfEachTest } from './support/process.js';

const { environment, start } = processesOfEachTest();

describe('a start', () => {
  it('in a folder that is in use says by whom and ends', async () => {
    const first = start();
    await first.ready();
    const second = start();
    expect(await second.exit()).toBe(1);
    expect(second.output).toContain(`is in use by process ${first.child.pid}`);
    expect(second.output.trim().split('\n')).toHaveLength(1);
  });

  it('keeps its folder to itself, and its secret once made', async () => {
    const { JWT_SECRET: _, ...env } = environment().env;
    const service = start(env);
    await service.ready();
    const secret = join(environment().dataDir, 'jwt-secret');
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    expect(readFileSync(secret, 'utf8').length).toBeGreaterThan(32);
    expect(statSync(join(environment().dataDir, 'postgres')).mode & 0o777).toBe(0o700);
  });

  it('that fails leaves nothing behind, so that the next one succeeds', async () => {
    const postgres = join(environment().dataDir, 'postgres');
    renameSync(postgres, `${postgres}.aside`);
    writeFileSync(postgres, 'not a folder');
    const failed = start();
    expect(await failed.exit()).toBe(1);
    expect(failed.output).toMatch(/^Cannot start: /);
    expect(readdirSync(environment().dataDir)).not.toContain('lock');
    rmSync(postgres);
    renameSync(`${postgres}.aside`, postgres);
    await start().ready();
  });
});
