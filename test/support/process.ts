import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach } from 'vitest';
import { createEnvironment, type TestEnvironment } from './environment.js';

/** The service as its own process, from `dist` (which `npm test` has built) or through npm. */
export class ServiceProcess {
  output = '';
  private readonly exited: Promise<[number | null, NodeJS.Signals | null]>;

  private constructor(readonly child: ChildProcess) {
    child.stdout!.on('data', (data) => (this.output += String(data)));
    child.stderr!.on('data', (data) => (this.output += String(data)));
    this.exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  }

  /** @param command e.g. `['node', 'dist/src/main.js']`, in the project's folder unless `cwd` is another */
  static start(
    env: Record<string, string>,
    command = ['node', 'dist/src/main.js'],
    cwd?: string,
  ): ServiceProcess {
    const { PATH, HOME } = process.env;
    return new ServiceProcess(
      spawn(command[0]!, command.slice(1), {
        cwd,
        env: { PATH, HOME, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  }

  /** The MQTT URL of the line `ready`. */
  async ready(): Promise<string> {
    const line = () => /ready (mqtt:\S+)/.exec(this.output)?.[1];
    while (!line()) {
      const ended = await Promise.race([
        once(this.child.stdout!, 'data'),
        this.exited.then(() => 'ended' as const),
      ]);
      if (ended === 'ended' && !line()) throw new Error(`did not start:\n${this.output}`);
    }
    return line()!;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** @returns the exit code; `null` where a signal ended it */
  async exit(): Promise<number | null> {
    return (await this.exited)[0];
  }

  /** Bytes that are in use after a garbage collection, of a process with `heap-probe.mjs`. */
  async memoryInUse(): Promise<number> {
    const from = this.output.length;
    this.kill('SIGUSR2');
    for (;;) {
      const bytes = /in use (\d+)\n/.exec(this.output.slice(from))?.[1];
      if (bytes) return Number(bytes);
      const ended = await Promise.race([once(this.child.stdout!, 'data'), this.exited.then(() => 'ended')]);
      if (ended === 'ended') throw new Error(`ended:\n${this.output}`);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** For a test file: a fresh environment for each test, and an end for every process started in it. */
export function processesOfEachTest(): {
  environment(): TestEnvironment;
  start(env?: Record<string, string>, command?: string[], cwd?: string): ServiceProcess;
} {
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
  return {
    environment: () => environment,
    start(env = environment.env, command, cwd) {
      const service = ServiceProcess.start(env, command, cwd);
      processes.push(service);
      return service;
    },
  };
}
