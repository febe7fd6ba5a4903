import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startEmbeddedPostgres } from './embedded-postgres.js';

describe('the embedded database', () => {
  let dataDir: string;
  beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'devicehive-embedded-'))));
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  const ends: [string, (worker: Worker) => unknown][] = [
    ['was terminated', (worker) => worker.terminate()],
    ['has exited by itself', (worker) => worker.postMessage('stop')],
  ];
  it.each(ends)('is told of and stops where its thread %s', async (_, end) => {
    const error = vi.spyOn(Logger.prototype, 'error').mockReturnValue();
    const created = once(process, 'worker');
    const database = await startEmbeddedPostgres(dataDir);
    const [worker] = (await created) as [Worker];
    const exited = once(worker, 'exit');
    end(worker);
    await exited;
    // Others of this process log, too.
    const told = () => error.mock.calls.flat().filter((line) => String(line).includes('embedded database'));
    await expect.poll(told).toEqual([expect.stringContaining('has ended')]);
    error.mockRestore();
    await database.stop();
    expect(existsSync(database.host)).toBe(false);
  });
});
