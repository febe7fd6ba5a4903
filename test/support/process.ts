import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** The service as its own process, from `dist` (which `npm test` has built) or through npm. */
export class ServiceProcess {
  output = '';
  private readonly exited: Promise<[number | null, NodeJS.Signals | null]>;

  private constructor(readonly child: ChildProcess) {
    child.stdout!.on('data', (data) => (this.output += String(data)));
    child.stderr!.on('data', (data) => (this.output += String(data)));
    this.exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  }

  /** @param command e.g. `['node', 'dist/src/main.js']`, in the project's folder */
  static start(env: Record<string, string>, command = ['node', 'dist/src/main.js']): ServiceProcess {
    const { PATH, HOME } = process.env;
    return new ServiceProcess(
      spawn(command[0]!, command.slice(1), {
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

  /** @returns the exit code; `null` where a signal ended it */
  async exit(): Promise<number | null> {
    return (await this.exited)[0];
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}
