/** What a run has to take away again, in reverse, however it ends. */
export class Cleanup {
  private readonly steps: (() => unknown)[] = [];
  private ending?: Promise<void>;

  /** What comes too late is taken away at once. */
  defer(step: () => unknown): void {
    if (this.ending) void attempt(step);
    else this.steps.push(step);
  }

  /** Work whose part is taken away at its end. */
  async within<T>(work: (cleanup: Cleanup) => Promise<T>): Promise<T> {
    const part = new Cleanup();
    this.defer(() => part.run());
    try {
      return await work(part);
    } finally {
      await part.run();
    }
  }

  run(): Promise<void> {
    return (this.ending ??= this.runAll());
  }

  /** Ctrl-C and `kill` too leave neither processes nor databases behind. */
  runOnSignals(): void {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      process.once(signal, () => {
        process.stderr.write('\nCleaning up\n');
        void this.run().finally(() => process.exit(code));
      });
    }
  }

  get isRunning(): boolean {
    return this.ending !== undefined;
  }

  private async runAll(): Promise<void> {
    for (const step of this.steps.splice(0).toReversed()) await attempt(step);
  }
}

/** One that fails keeps none of the others. */
async function attempt(step: () => unknown): Promise<void> {
  try {
    await step();
  } catch (error) {
    process.stderr.write(`Cleaning up: ${(error as Error).message}\n`);
  }
}
