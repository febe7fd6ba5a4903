import type { Job } from '../generator/job.js';
import type { Options } from '../options.js';
import type { Run } from '../sections/section.js';
import type { Subject } from './subjects.js';
import { summarize, type Summary } from './summary.js';
import { type Load, OVERHEAD_SECONDS, RAMP_SECONDS, takeTurn, type Turn } from './turn.js';

/** A subject under one kind of load, which takes turns with others. */
export interface Contender {
  name: string;
  subject: Subject;
  load: Load;
  job: Pick<Job, 'action' | 'inFlight'> & Partial<Job>;
}

/** A contender's turns, one for each round. */
export interface Measured {
  name: string;
  inFlight: number;
  turns: Turn[];
  summary: Summary;
}

export const turnSeconds = (seconds: number): number => seconds + RAMP_SECONDS + OVERHEAD_SECONDS;

export const roundsSeconds = ({ rounds, seconds }: Options, contenders: number): number =>
  rounds * contenders * turnSeconds(seconds);

/** All contenders in turn, round after round: what else the machine does falls on all of them. */
export async function takeRounds(
  { generator, progress, options }: Run,
  section: string,
  contenders: Contender[],
): Promise<Measured[]> {
  const measured = contenders.map((contender) => ({ ...contender, turns: [] as Turn[] }));
  for (let round = 1; round <= options.rounds; round++) {
    for (const { name, subject, load, job, turns } of measured) {
      const text = `${section}: round ${round} of ${options.rounds}, ${job.inFlight} in flight, ${name}`;
      progress.step(text, turnSeconds(options.seconds));
      turns.push(await takeTurn(generator, subject, load, { ...job, seconds: options.seconds }));
    }
  }
  return measured.map(({ name, job, turns }) => ({
    name,
    inFlight: job.inFlight,
    turns,
    summary: summarize(turns),
  }));
}

/** `command/update` before anything is measured: the code is compiled and the database's pages are in memory. */
export async function warmUp(
  { generator, progress, options }: Run,
  section: string,
  subject: Subject,
  load: Load,
  job?: Partial<Job>,
): Promise<void> {
  const { warmUpSeconds: seconds } = options;
  progress.step(`${section}: ${subject.name} warms up`, turnSeconds(seconds));
  await takeTurn(generator, subject, load, { action: 'command/update', inFlight: 64, seconds, ...job });
}
