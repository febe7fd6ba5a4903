import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** The command line as a process, from `dist`, which `npm test` has built. */
export class CommandLine {
  out = '';
  errors = '';
  private readonly exited: Promise<unknown[]>;

  private constructor(readonly child: ChildProcess) {
    child.stdout!.on('data', (data) => (this.out += String(data)));
    child.stderr!.on('data', (data) => (this.errors += String(data)));
    this.exited = once(child, 'close');
  }

  /** @param env its own variables beside PATH */
  static start(env: Record<string, string>, ...args: string[]): CommandLine {
    const { PATH } = process.env;
    const options = {
      env: { PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
    };
    return new CommandLine(spawn('node', ['dist/src/cli/main.js', ...args], options));
  }

  /** @returns the exit code; `null` where a signal ended it */
  async exit(): Promise<number | null> {
    return (await this.exited)[0] as number | null;
  }

  /** Waits for a text among its errors, which tell what it is doing. */
  async said(text: string): Promise<void> {
    while (!this.errors.includes(text)) {
      const more = await Promise.race([once(this.child.stderr!, 'data'), this.exited.then(() => 'ended')]);
      if (more === 'ended' && !this.errors.includes(text))
        throw new Error(`ended: ${this.errors}${this.out}`);
    }
  }
}
