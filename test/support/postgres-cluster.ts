import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { findProgram, freePort } from './mosquitto.js';

const WAIT_MS = 20_000;
/**
 * The connections of a service, as its name tells. Each is waited for: one that is told to end may still commit what came
 * after it was told, which the ledger would take for undisturbed.
 */
const CUT = `SELECT pg_terminate_backend(pid, ${WAIT_MS}) FROM pg_stat_activity WHERE application_name LIKE 'nest-devicehive%'`;
const isRoot = userInfo().uid === 0;
const folders = () => {
  const versions = '/usr/lib/postgresql';
  try {
    return readdirSync(versions).map((version) => join(versions, version, 'bin'));
  } catch {
    return [];
  }
};
const INITDB = findProgram('initdb', folders());
const POSTGRES = findProgram('postgres', folders());
const BASE_BACKUP = findProgram('pg_basebackup', folders());

/** Why there can be no cluster of a test's own. */
export const noCluster = INITDB && POSTGRES ? undefined : 'initdb and postgres are not installed';
/** Why its tables cannot be on a small disk. */
export const noSmallDisk = noCluster ?? (isRoot ? undefined : 'only root can mount a tmpfs');

export interface ClusterOptions {
  /** lines of `postgresql.conf` */
  settings?: string[];
  /** MB of the disk that holds its tables, and nothing else */
  diskMb?: number;
}

/** A PostgreSQL of a test's own, which can be killed. It refuses to run as root, so there it runs as `postgres`. */
export class PostgresCluster {
  output = '';
  private child?: ChildProcess;
  /** holds the mount namespace in which the small disk is, and nobody else sees it */
  private mount?: ChildProcess;

  private constructor(
    private readonly port: number,
    private readonly folder: string,
  ) {}

  /** Made, and not started yet. */
  static async create({ settings = [], diskMb }: ClusterOptions = {}): Promise<PostgresCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'postgres-test-'));
    const cluster = new PostgresCluster(await freePort(), folder);
    if (isRoot) execFileSync('chown', ['postgres', folder]);
    if (diskMb !== undefined) await cluster.mountDisk(diskMb);
    const [program, ...args] = asPostgres(INITDB!, '-D', cluster.data, '-U', 'postgres', '-A', 'trust', '-N');
    execFileSync(program!, args, { stdio: 'ignore' });
    cluster.configure(settings);
    return cluster;
  }

  static async start(options?: ClusterOptions): Promise<PostgresCluster> {
    const cluster = await PostgresCluster.create(options);
    await cluster.startAgain();
    if (!cluster.mount) return cluster;
    await cluster.query(`CREATE TABLESPACE small LOCATION '${cluster.disk}'`);
    await cluster.query('ALTER ROLE postgres SET default_tablespace = small');
    return cluster;
  }

  /** A standby of this one, started, which receives whatever is committed here. */
  async startStandby(): Promise<PostgresCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'postgres-test-'));
    const standby = new PostgresCluster(await freePort(), folder);
    if (isRoot) execFileSync('chown', ['postgres', folder]);
    const from = ['-d', this.url, '--write-recovery-conf', '--checkpoint=fast'];
    const [program, ...args] = asPostgres(BASE_BACKUP!, '-D', standby.data, ...from);
    execFileSync(program!, args);
    standby.configure([]);
    await standby.startAgain();
    return standby;
  }

  /** The standby takes writes from now on. */
  async promote(): Promise<void> {
    await this.query('SELECT pg_promote()');
  }

  /** As an administrator stops it: clients are thrown out, and a standby has received everything. */
  async shutDown(): Promise<void> {
    const exited = once(this.child!, 'exit');
    process.kill(this.postmaster, 'SIGINT');
    await exited;
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  /** Resolves when it answers. */
  async startAgain(): Promise<void> {
    const [program, ...args] = [...this.onDisk, ...asPostgres(POSTGRES!, '-D', this.data)];
    const child = spawn(program!, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (data) => (this.output += String(data)));
    this.child = child;
    await this.answers();
  }

  /** Resolves when a statement goes through. */
  async answers(): Promise<void> {
    const signal = AbortSignal.timeout(WAIT_MS);
    for (;;) {
      const answer = await this.query('SELECT 1').catch(() => undefined);
      if (answer) return;
      if (signal.aborted) throw new Error(`PostgreSQL does not answer:\n${this.output}`);
      await delay(20);
    }
  }

  /** On a connection of its own, for as long as it takes. */
  async query(statement: string, parameters: unknown[] = []): Promise<any[]> {
    const extra = { options: '-c statement_timeout=0' };
    const connection = await new DataSource({ type: 'postgres', url: this.url, extra }).initialize();
    try {
      return await connection.query(statement, parameters);
    } finally {
      await connection.destroy();
    }
  }

  /** All of its processes end without warning. Resolves when they are gone. */
  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    const postmaster = this.postmaster;
    const backends = childrenOf(postmaster);
    // First: it would start its children again.
    process.kill(postmaster, 'SIGKILL');
    for (const backend of backends) killIfThere(backend);
    await exited;
    while (backends.some(isThere)) await delay(5);
  }

  /** One of its processes ends without warning, and so it ends all connections and recovers by itself. */
  async killBackend(): Promise<void> {
    const signal = AbortSignal.timeout(WAIT_MS);
    let pid: number | undefined;
    // After a kill clients need a moment to come back.
    while (pid === undefined) {
      if (signal.aborted) throw new Error('nobody is connected');
      const [row] = await this.query(
        `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1`,
      );
      pid = row?.pid;
    }
    const from = this.output.length;
    killIfThere(pid);
    while (!this.output.slice(from).includes('ready to accept connections') && !signal.aborted)
      await delay(5);
    await this.answers();
  }

  /** Ends all connections of services. */
  async cutConnections(): Promise<void> {
    await this.query(CUT);
  }

  /** Cuts all connections and takes all that there may be, for a time in milliseconds from then on. */
  async withoutConnections(ms: number): Promise<void> {
    const taken: DataSource[] = [];
    try {
      await this.cutConnections();
      let end = Infinity;
      while (performance.now() < end) {
        const more = new DataSource({ type: 'postgres', url: this.url, poolSize: 1 });
        // Whoever asks in this moment gets what is free: it is cut as well.
        if (await more.initialize().catch(() => undefined)) taken.push(more);
        else {
          end = Math.min(end, performance.now() + ms);
          await taken[0]!.query(CUT);
        }
      }
    } finally {
      await Promise.all(taken.map((connection) => connection.destroy()));
    }
  }

  /** For a time in milliseconds all sessions are read-only, those that are there as well. */
  async withoutWrites(ms: number): Promise<void> {
    const readOnly = async (value: string) => {
      await this.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
      await this.query('SELECT pg_reload_conf()');
    };
    await readOnly('on');
    await delay(ms);
    await readOnly('off');
  }

  /** Nothing more fits on its small disk. */
  fillDisk(): void {
    const { ballast } = this;
    const block = Buffer.alloc(1 << 16);
    try {
      for (;;) writeFileSync(ballast, block, { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  freeDisk(): void {
    rmSync(this.ballast);
  }

  async stop(): Promise<void> {
    await this.kill();
    this.mount?.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Beside what a backup has brought along; the last line of a setting counts. */
  private configure(settings: string[]): void {
    const lines = [
      `port = ${this.port}`,
      "listen_addresses = '127.0.0.1'",
      `unix_socket_directories = '${this.folder}'`,
      ...settings,
    ];
    appendFileSync(join(this.data, 'postgresql.auto.conf'), `${lines.join('\n')}\n`);
  }

  private get data(): string {
    return join(this.folder, 'data');
  }

  private get disk(): string {
    return join(this.folder, 'disk');
  }

  private get ballast(): string {
    return join(`/proc/${this.mount!.pid}/root`, this.disk, 'ballast');
  }

  /** What comes before a command that is to see the disk. */
  private get onDisk(): string[] {
    return this.mount ? ['nsenter', `--mount=/proc/${this.mount.pid}/ns/mnt`] : [];
  }

  private async mountDisk(megabytes: number): Promise<void> {
    const mount = `mkdir ${this.disk} && mount -t tmpfs -o size=${megabytes}m,uid=postgres,mode=700 none ${this.disk}`;
    this.mount = spawn(
      'unshare',
      ['--mount', 'sh', '-c', `${mount} && echo mounted && exec sleep infinity`],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await once(this.mount.stdout!, 'data');
  }

  private get postmaster(): number {
    return Number(readFileSync(join(this.data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  }
}

function asPostgres(...command: string[]): string[] {
  return isRoot ? ['runuser', '-u', 'postgres', '--', ...command] : command;
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((process) => {
      try {
        // The fields after the name, which may contain anything.
        const [, parent] = readFileSync(`/proc/${process}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
        return Number(parent) === pid;
      } catch {
        return false;
      }
    });
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isThere(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
