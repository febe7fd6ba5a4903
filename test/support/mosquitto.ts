import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** What users deploy, and so what is tested. */
const DEPLOYED = join(import.meta.dirname, '../../deploy/mosquitto');
const SERVICE = 'devicehive';
const WAIT_MS = 10_000;
const ATTEMPTS = 5;

const BROKER = findProgram('mosquitto');
const PASSWORDS = findProgram('mosquitto_passwd');

export const hasMosquitto = BROKER !== undefined && PASSWORDS !== undefined;

type Edit = (text: string) => string;

export interface MosquittoOptions {
  /** who may connect besides the service's `devicehive`; the password is `passwordOf(name)` */
  users?: string[];
  /** changes the deployed configuration, in which paths and port are still the deployed ones */
  edit?: Edit;
  /** changes the deployed ACL */
  acl?: Edit;
  /** without passwords, without an ACL, and with the client ids that clients give themselves */
  open?: boolean;
}

export function passwordOf(user: string): string {
  return `password of ${user}`;
}

/** An edit of the ACL: these users may receive all events. */
export function letWatch(...users: string[]): Edit {
  const lines = (user: string) => `user ${user}\ntopic read dh/command/#\ntopic read dh/command_update/#\n`;
  return (acl) => `${acl}\n${users.map(lines).join('\n')}`;
}

/** A real Mosquitto on a free port, with the files of `deploy/mosquitto` and its data in a folder of its own. */
export class Mosquitto {
  /** what it logged since the first start, its client connections and reloads included */
  output = '';
  private child!: ChildProcess;
  private exited!: Promise<unknown>;

  private constructor(
    readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    for (let attempt = 1; ; attempt++) {
      const broker = new Mosquitto(await freePort(), mkdtempSync(join(tmpdir(), 'mosquitto-test-')));
      try {
        broker.configure(options);
        await broker.startAgain();
        return broker;
      } catch (error) {
        await broker.stop();
        // Somebody else may take the port between the look and the start.
        if (attempt === ATTEMPTS || !broker.output.includes('Address already in use')) throw error;
      }
    }
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Options of a client. Its client id is its user name, whatever it says. */
  login(user = SERVICE): { username: string; password: string; clientId: string } {
    return { username: user, password: passwordOf(user), clientId: user };
  }

  /** Starts it on the same port with the same data. Resolves when it takes connections. */
  async startAgain(): Promise<void> {
    const child = spawn(BROKER!, ['-c', join(this.folder, 'mosquitto.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.child = child;
    const from = this.output.length;
    child.stderr.on('data', (data) => (this.output += String(data)));
    // Also when it cannot be spawned, and only after the last line of its output.
    this.exited = once(child, 'close').catch(() => undefined);
    // A connection alone may lead to somebody else who has the port.
    await this.logged(/mosquitto version \S+ running/, from);
    const socket = connect(this.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
  }

  /** A clean stop, which writes sessions and queued messages to its file, and a start. */
  async restart(): Promise<void> {
    await this.end('SIGTERM');
    await this.startAgain();
  }

  /** An end without warning: what changed since the last save is lost. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Has it read its files again, with another edit of the deployed ACL. */
  async reload(acl: Edit = same): Promise<void> {
    writeFileSync(join(this.folder, 'acl'), acl(deployed('acl')));
    const from = this.output.length;
    this.child.kill('SIGHUP');
    // The line comes before the reading, but nothing is served in between.
    await this.logged(/Reloading config/, from);
  }

  async stop(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    this.child?.kill(signal);
    await this.exited;
  }

  private configure({ users = [], edit = same, acl = same, open = false }: MosquittoOptions): void {
    for (const name of ['data', 'log']) mkdirSync(join(this.folder, name));
    const conf = edit(deployed('mosquitto.conf')).replace(
      /^listener 1883$/m,
      `listener ${this.port} 127.0.0.1`,
    );
    if (!conf.includes(`listener ${this.port} `)) throw new Error('mosquitto.conf has no "listener 1883"');
    const lines = conf
      .replaceAll('/mosquitto/config/', `${this.folder}/`)
      .replaceAll(/\/mosquitto\/(data|log)\b/g, `${this.folder}/$1`)
      .split('\n')
      .filter((line) => !open || !/^(password_file|acl_file|allow_anonymous|use_username_as)/.test(line));
    // What is waited for is logged there and at these levels.
    lines.push('log_dest stderr', 'log_type notice', 'log_type information');
    if (open) lines.push('allow_anonymous true');
    // It would become another user, who cannot read the folder.
    if (process.getuid?.() === 0) lines.push('user root');
    writeFileSync(join(this.folder, 'mosquitto.conf'), `${lines.join('\n')}\n`);
    writeFileSync(join(this.folder, 'acl'), acl(deployed('acl')));
    const passwords = join(this.folder, 'passwords');
    const entries = [SERVICE, ...users].map((user) => `${user}:${passwordOf(user)}\n`);
    writeFileSync(passwords, entries.join(''), { mode: 0o600 });
    execFileSync(PASSWORDS!, ['-U', passwords]);
  }

  /** Waits for a line of its log beyond a position. */
  private async logged(line: RegExp, from: number): Promise<void> {
    const signal = AbortSignal.timeout(WAIT_MS);
    while (!line.test(this.output.slice(from))) {
      const more = once(this.child.stderr!, 'data', { signal }).catch(() => 'none' as const);
      const next = await Promise.race([more, this.exited.then(() => 'none' as const)]);
      if (next === 'none' && !line.test(this.output.slice(from))) {
        throw new Error(`Mosquitto ended or stays silent, expected ${line}:\n${this.output}`);
      }
    }
  }
}

function same(text: string): string {
  return text;
}

function deployed(name: string): string {
  return readFileSync(join(DEPLOYED, name), 'utf8');
}

export function findProgram(name: string, more: readonly string[] = []): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', ...more];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * A port below those that systems give to outgoing connections. Among these it may be gone while the broker is down,
 * and a client that tries to reconnect may even reach itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
