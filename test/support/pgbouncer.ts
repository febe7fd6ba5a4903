import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findProgram, freePort } from './mosquitto.js';

const PROGRAM = findProgram('pgbouncer');
const WAIT_MS = 10_000;

/** Why there can be no PgBouncer. */
export const noPgBouncer = PROGRAM ? undefined : 'pgbouncer is not installed';

/** A PgBouncer on a free port in front of a PostgreSQL. It refuses to run as root, so there it runs as `postgres`. */
export class PgBouncer {
  output = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly url: string,
  ) {
    child.stderr!.on('data', (data) => (this.output += String(data)));
  }

  /**
   * @param targetUrl of a database
   * @param settings lines of its section
   */
  static async start(targetUrl: string, settings: string[]): Promise<PgBouncer> {
    const folder = mkdtempSync(join(tmpdir(), 'pgbouncer-test-'));
    const port = await freePort();
    const target = new URL(targetUrl);
    const file = join(folder, 'pgbouncer.ini');
    const lines = [
      '[databases]',
      `* = host=${target.hostname} port=${target.port || 5432} user=${target.username}`,
      '[pgbouncer]',
      `listen_addr = 127.0.0.1`,
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
      // Its default waits 15 s after a login that has failed.
      'server_login_retry = 1',
      ...settings,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    chmodSync(folder, 0o755);
    const isRoot = userInfo().uid === 0;
    const [program, ...args] = [...(isRoot ? ['runuser', '-u', 'postgres', '--'] : []), PROGRAM!, file];
    const child = spawn(program!, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const url = new URL(targetUrl);
    url.hostname = '127.0.0.1';
    url.port = String(port);
    const pooler = new PgBouncer(child, folder, url.href);
    await pooler.listens(port);
    return pooler;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async listens(port: number): Promise<void> {
    const signal = AbortSignal.timeout(WAIT_MS);
    for (;;) {
      const socket = connect(port, '127.0.0.1');
      const isThere = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (isThere) return;
      if (signal.aborted) throw new Error(`PgBouncer does not listen:\n${this.output}`);
      await delay(20);
    }
  }
}
