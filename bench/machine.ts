import { execFile } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { promisify } from 'node:util';
import { findProgram } from '../test/support/mosquitto.js';
import { serverVersion } from './support/database.js';

/** What the figures depend on, without names and paths. */
export async function describeMachine(): Promise<string> {
  const cores = availableParallelism();
  const processor = cpus()[0]?.model.trim() ?? 'unknown processor';
  const node = process.versions.node;
  return `${cores} cores (${processor}), Node ${node}, PostgreSQL ${await serverVersion()}, Mosquitto ${await mosquitto()}`;
}

/** It writes its version with its help, and exits with 3. */
async function mosquitto(): Promise<string> {
  const help = promisify(execFile)(findProgram('mosquitto') ?? 'mosquitto', ['-h']);
  const { stdout = '' } = await help.catch((error: { stdout?: string }) => error);
  return /version (\S+)/.exec(stdout)?.[1] ?? 'missing';
}
