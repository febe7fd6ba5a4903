import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, freePort } from '../../test/support/mosquitto.js';
import { Child } from './child.js';
import type { Cleanup } from './cleanup.js';

/**
 * Limits and Nagle's algorithm as in `deploy/mosquitto`. Without its passwords, and without its file: that is written
 * every five seconds and would fall into some turns only.
 */
const configuration = (port: number): string => `
listener ${port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_inflight_messages 2048
max_queued_messages 500000
max_queued_bytes 268435456
persistence false
log_dest stderr
log_type notice
log_type information
${process.getuid?.() === 0 ? 'user root' : ''}
`;

export interface Broker {
  url: string;
  process: Child;
}

/** A Mosquitto of its own on a free port. */
export async function startMosquitto(cleanup: Cleanup): Promise<Broker> {
  const program = findProgram('mosquitto');
  if (!program) throw new Error('mosquitto is neither in PATH nor in /usr/sbin: install it');
  const folder = mkdtempSync(join(tmpdir(), 'devicehive-bench-'));
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const file = join(folder, 'mosquitto.conf');
  writeFileSync(file, configuration(port));
  const broker = Child.start(cleanup, program, ['-c', file]);
  await broker.wrote(/mosquitto version \S+ running/);
  return { url: `mqtt://127.0.0.1:${port}`, process: broker };
}
