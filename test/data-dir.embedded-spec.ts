import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEnvironment, type TestEnvironment } from './support/environment.js';
import { ServiceProcess } from './support/process.js';

let environment: TestEnvironment;
const processes: ServiceProcess[] = [];

beforeEach(async () => {
  environment = await createEnvironment();
});
afterEach(async () => {
  for (const service of processes.splice(0)) {
    service.kill('SIGKILL');
    await service.exit();
  }
  await environment.dispose();
});

function start(env = environment.env): ServiceProcess {
  const service = ServiceProcess.start(env);
  processes.push(service);
  return service;
}

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
    const { JWT_SECRET: _, ...env } = environment.env;
    const service = start(env);
    await service.ready();
    const secret = join(environment.dataDir, 'jwt-secret');
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    expect(readFileSync(secret, 'utf8').length).toBeGreaterThan(32);
    expect(statSync(join(environment.dataDir, 'postgres')).mode & 0o777).toBe(0o700);
  });
});
