import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Logger } from '@nestjs/common';
import { closeTree } from '../protocol/data-dir.js';
import { makeCluster } from './embedded-cluster.js';

const logger = new Logger('Database');

/** A PostgreSQL in this process (PGlite), for trying the service out and for tests without a server. */
export interface EmbeddedPostgres {
  /** directory of the Unix socket, which is what `pg` takes as host */
  host: string;
  /** @throws what its thread crashed on, now or before; it has ended then, too */
  stop(): Promise<void>;
}

/**
 * Opens the database in `<dataDir>/postgres`, creating it at the first start. Its files survive a kill of the
 * process, not a loss of power: PGlite runs without fsync.
 * @param dataDir must be held by this process alone, see `data-dir-lock.ts`; two writers corrupt it
 */
export async function startEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  const directory = await makeCluster(dataDir);
  // Not in DATA_DIR: a socket's path has 107 bytes at most.
  const host = mkdtempSync(join(tmpdir(), 'devicehive-'));
  const worker = new Worker(new URL('./embedded-postgres.worker.js', import.meta.url), {
    workerData: { directory, socket: join(host, '.s.PGSQL.5432') },
  });
  // From the start on, since it comes once. Rejects with what nobody has caught in the thread.
  const exited = once(worker, 'exit');
  try {
    const [message] = await Promise.race([once(worker, 'message'), exited]);
    if (message !== 'ready')
      throw new Error(`The embedded database ended at its start, with code ${message}`);
    // PGlite unpacks a new database with mode 0666, whatever the umask is.
    closeTree(directory);
  } catch (error) {
    rmSync(host, { recursive: true, force: true });
    throw error;
  }
  let isStopping = false;
  void exited.catch(String).then((cause) => {
    if (!isStopping) logger.error(`The embedded database has ended (${cause}): start the service again`);
  });
  return {
    host,
    async stop() {
      isStopping = true;
      worker.postMessage('stop');
      try {
        await exited;
      } finally {
        rmSync(host, { recursive: true, force: true });
      }
    },
  };
}
