import type { Options } from '../options.js';
import type { Cleanup } from '../support/cleanup.js';
import type { Generator } from '../support/generator.js';
import type { Progress } from '../support/progress.js';

/** What each section works with. */
export interface Run {
  options: Options;
  generator: Generator;
  progress: Progress;
  /** an administrator's */
  token: string;
}

/** A part of the benchmark. */
export interface SectionOfRun {
  /** how long it takes, for the progress */
  seconds(options: Options): number;
  /** @returns Markdown */
  run(run: Run, cleanup: Cleanup): Promise<string>;
}
