import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type {
  CrowdJob,
  FanoutJob,
  FanoutTurn,
  Gathering,
  Job,
  Order,
  Outcome,
  Report,
  Result,
} from '../generator/job.js';
import type { Cleanup } from './cleanup.js';

interface Waiting {
  onBoundary: () => void;
  resolve: (result: Result) => void;
  reject: (error: Error) => void;
}

/** A job that goes on until it is ended. */
export interface RunningJob {
  /** Sends no more requests. Resolves when those in flight are answered, or have had their time. */
  end(): Promise<Outcome>;
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
  run(job: Omit<Job, 'id'>, onBoundary?: () => void): Promise<Outcome> {
    return this.ask({ job: { ...job, id: this.nextId() } }, onBoundary);
  }

  /** Connects clients, which stay until they are dispersed. */
  gather(job: Omit<CrowdJob, 'id'>): Promise<Gathering> {
    return this.ask({ gather: { ...job, id: this.nextId() } });
  }

  disperse(): void {
    this.order({ disperse: true });
  }

  /** @returns for each round a turn of each group */
  fanout(job: Omit<FanoutJob, 'id'>): Promise<FanoutTurn[][]> {
    return this.ask({ fanout: { ...job, id: this.nextId() } });
  }

  /** Starts a job beside other work. Resolves when the time that counts begins. */
  async begin(job: Omit<Job, 'id'>): Promise<RunningJob> {
    let outcome!: Promise<Outcome>;
    await new Promise<void>((resolve, reject) => {
      outcome = this.run(job, resolve);
      outcome.catch(reject);
    });
    return {
      end: () => {
        this.order({ end: true });
        return outcome;
      },
    };
  }

  /** Has it send one more request beside a running job. Resolves when that is answered with success. */
  probe(): Promise<void> {
    return new Promise((resolve) => {
      this.onProbed = resolve;
      this.order({ probe: true });
    });
  }

  /** Two generators at one service never use the same client ids. */
  private nextId(): string {
    return `load-${this.process.pid}-${++this.jobs}`;
  }

  private ask<T extends Result>(order: Order, onBoundary: () => void = () => {}): Promise<T> {
    return new Promise<Result>((resolve, reject) => {
      this.job = { onBoundary, resolve, reject };
      this.order(order);
    }) as Promise<T>;
  }

  private order(order: Order): void {
    this.process.send(order);
  }

  private handle(report: Report): void {
    if ('probed' in report) this.onProbed();
    else if ('result' in report) this.job?.resolve(report.result);
    else if ('failed' in report) this.job?.reject(new Error(`The load generator: ${report.failed}`));
    else this.job?.onBoundary();
  }
}
