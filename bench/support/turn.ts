import type { Job, Outcome } from '../generator/job.js';
import { cpuBetween, type CpuSample, type CpuSeconds, sampleCpu } from './cpu.js';
import type { Generator } from './generator.js';
import type { Subject } from './subjects.js';

const CLIENTS = 16;
/** With the same load, before what counts: connections have opened and the first replies are there. */
export const RAMP_SECONDS = 0.3;
const DRAIN_SECONDS = 5;
/** To connect, to drain and to wait for the last events. */
export const OVERHEAD_SECONDS = 0.3;

/** One turn of a subject. */
export interface Turn extends Outcome {
  cpu: CpuSeconds;
}

/** What all jobs have in common. */
export interface Load {
  token: string;
  rows: number;
  perDevice: number;
}

/** One turn: requests in flight over 16 clients, or over one client where there is one request. */
export async function takeTurn(
  generator: Generator,
  subject: Subject,
  load: Load,
  job: Pick<Job, 'action' | 'inFlight' | 'seconds'> & Partial<Job>,
): Promise<Turn> {
  const samples: CpuSample[] = [];
  const outcome = await generator.run(jobOf(subject, load, job), () => samples.push(sampleCpu(subject)));
  const [before, after] = samples;
  return { ...outcome, cpu: { ...cpuBetween(before!, after!), generator: outcome.cpuSeconds } };
}

/** A job for the generator, with what is the same in most of them. */
export function jobOf(
  subject: Subject,
  load: Load,
  job: Pick<Job, 'action' | 'inFlight' | 'seconds'> & Partial<Job>,
): Omit<Job, 'id'> {
  return {
    url: subject.url,
    onTopicOfClient: subject.broker !== undefined,
    clients: Math.min(CLIENTS, job.inFlight),
    rampSeconds: RAMP_SECONDS,
    drainSeconds: DRAIN_SECONDS,
    isWatched: job.action === 'command/update',
    ...load,
    ...job,
  };
}
