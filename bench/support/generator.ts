import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Job, Order, Outcome, Report } from '../generator/job.js';
import type { Cleanup } from './cleanup.js';

interface Waiting {
  onBoundary: () => void;
  resolve: (outcome: Outcome) => void;
  reject: (error: Error) => void;
}

/** The load generator's process, seen from here. It has one job at a time. */
export class Generator {
  private jobs = 0;
  private job?: Waiting;
  private onProbed: () => void = () => {};

  private constructor(private readonly process: ChildProcess) {
    process.on('message', (report: Report) => this.handle(report));
    process.on('exit', () => this.job?.reject(new Error('The load generator has ended')));
  }

  static start(cleanup: Cleanup): Generator {
    const child = fork(join(import.meta.dirname, '../generator/main.js'), { execArgv: [] });
    cleanup.defer(() => child.kill('SIGKILL'));
    return new Generator(child);
  }

  /** @param onBoundary called where the time that counts begins and ends */
  run(job: Omit<Job, 'id'>, onBoundary: () => void = () => {}): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.job = { onBoundary, resolve, reject };
      this.order({ job: { ...job, id: `load-${++this.jobs}` } });
    });
  }

  /** Has it send one more request beside a running job. Resolves when that is answered with success. */
  probe(): Promise<void> {
    return new Promise((resolve) => {
      this.onProbed = resolve;
      this.order({ probe: true });
    });
  }

  private order(order: Order): void {
    this.process.send(order);
  }

  private handle(report: Report): void {
    if ('probed' in report) this.onProbed();
    else if ('outcome' in report) this.job?.resolve(report.outcome);
    else if ('failed' in report) this.job?.reject(new Error(`The load generator: ${report.failed}`));
    else this.job?.onBoundary();
  }
}
