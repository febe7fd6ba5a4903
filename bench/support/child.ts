import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cleanup } from './cleanup.js';
import { readProcessFile } from './cpu.js';

const READY_MS = 30_000;
/** To end in good order. */
const END_MS = 3_000;
/** A process that is measured from outside. */
export class Child {
  output = '';
  private readonly exited: Promise<unknown>;

  private constructor(readonly process: ChildProcess) {
    process.stdout?.on('data', (data) => (this.output += String(data)));
    process.stderr?.on('data', (data) => (this.output += String(data)));
    this.exited = once(process, 'close').catch((error) => (this.output += String(error)));
  }

  static start(cleanup: Cleanup, command: string, args: string[], env: Record<string, string> = {}): Child {
    const { PATH, HOME } = process.env;
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const child = new Child(spawn(command, args, { env: { PATH, HOME, ...env }, stdio: [...stdio] }));
    cleanup.defer(() => child.kill());
    return child;
  }

  /** A module of this project. `BENCH_NODE_OPTIONS` reaches it, `--cpu-prof` for a profile of the service. */
  static startNode(
    cleanup: Cleanup,
    module: string,
    env: Record<string, string> = {},
    nodeOptions: string[] = [],
  ): Child {
    const options = [...nodeOptions, ...(process.env.BENCH_NODE_OPTIONS?.split(' ') ?? [])];
    const child = Child.start(cleanup, process.execPath, [...options, module], env);
    cleanup.defer(() => child.end());
    return child;
  }

  /** @throws with what it wrote, where it ends or stays silent */
  async wrote(line: RegExp): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(READY_MS);
    for (;;) {
      const match = line.exec(this.output);
      if (match) return match;
      const more = ['stdout', 'stderr'].map((name) =>
        once(this.process[name as 'stdout']!, 'data', { signal: deadline }),
      );
      const next = await Promise.race([...more, this.exited.then(() => 'ended')]).catch(() => 'silent');
      if (typeof next === 'string' && !line.test(this.output)) {
        throw new Error(`${this.process.spawnargs.join(' ')} ${next}, expected ${line}:\n${this.output}`);
      }
    }
  }

  /** In good order, as far as it can. */
  private async end(): Promise<void> {
    this.process.kill('SIGTERM');
    await Promise.race([this.exited, delay(END_MS, undefined, { ref: false })]);
  }

  /** Without warning, and resolves when it is gone. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  /** What a probe that is loaded into the process writes on SIGUSR2. */
  async askProbe(): Promise<string> {
    const written = once(this.process.stderr!, 'data');
    this.process.kill('SIGUSR2');
    const [text] = await written;
    return String(text);
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** Memory that is resident now, in MB; `undefined` if the system does not tell. */
  residentMegabytes(): number | undefined {
    return this.megabytes('VmRSS');
  }

  /** The most that it ever had resident. */
  peakMegabytes(): number | undefined {
    return this.megabytes('VmHWM');
  }

  private megabytes(field: string): number | undefined {
    const status = readProcessFile(this.pid, 'status');
    const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status ?? '')?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024;
  }
}
