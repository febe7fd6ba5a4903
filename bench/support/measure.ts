import type { Job, Outcome } from '../generator/job.js';
import { Histogram } from '../generator/histogram.js';
import { databaseCpuSeconds } from './database-cpu.js';
import type { Generator } from './generator.js';
import type { Subject } from './subjects.js';

export const CLIENTS = 16;
/** With the same load, before what counts: connections have opened and the first replies are there. */
export const RAMP_SECONDS = 0.3;
/** To connect, to drain and to wait for the last events. */
export const OVERHEAD_SECONDS = 0.7;

/** One turn of a subject. */
export interface Turn extends Outcome {
  /** CPU time of the subject's process; `undefined` where the system does not tell */
  subjectCpu?: number;
  brokerCpu?: number;
  databaseCpu?: number;
}

/** What several turns come to. */
export interface Summary {
  perSecond: number;
  slowest: number;
  fastest: number;
  p50: number;
  p95: number;
  p99: number;
  /** CPU seconds of the subject's process for 1,000 requests */
  subjectCpu?: number;
  /** of one core, as those below; `undefined` where there is none or the system does not tell */
  brokerShare?: number;
  databaseShare?: number;
  generatorShare: number;
  errors: Record<string, number>;
  unanswered: number;
  /** that the watcher got, of so many that it should have */
  events: number;
  successes: number;
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
  const samples: Partial<Cpu>[] = [];
  const outcome = await generator.run(
    {
      url: subject.url,
      onTopicOfClient: subject.broker !== undefined,
      clients: Math.min(CLIENTS, job.inFlight),
      rampSeconds: RAMP_SECONDS,
      isWatched: job.action === 'command/update',
      ...load,
      ...job,
    },
    () => samples.push(cpuOf(subject)),
  );
  const [before, after] = samples;
  const cpu = (part: keyof Cpu) => difference(before?.[part], after?.[part]);
  return { ...outcome, subjectCpu: cpu('subject'), brokerCpu: cpu('broker'), databaseCpu: cpu('database') };
}

interface Cpu {
  subject: number;
  broker: number;
  database: number;
}

function cpuOf({ process, broker, database }: Subject): Partial<Cpu> {
  return {
    subject: process.cpuSeconds(),
    broker: broker?.process.cpuSeconds(),
    database: database && databaseCpuSeconds(database.url),
  };
}

export function summarize(turns: Turn[]): Summary {
  const latencies = turns.reduce((all, turn) => all.merge(turn.latencies), new Histogram());
  const sum = (value: (turn: Turn) => number) => turns.reduce((total, turn) => total + value(turn), 0);
  const sumIfAll = (value: (turn: Turn) => number | undefined) =>
    turns.some((turn) => value(turn) === undefined) ? undefined : sum((turn) => value(turn)!);
  const [done, seconds] = [sum((turn) => turn.done), sum((turn) => turn.seconds)];
  const rates = turns.map((turn) => turn.done / turn.seconds);
  const subjectCpu = sumIfAll((turn) => turn.subjectCpu);
  const brokerCpu = sumIfAll((turn) => turn.brokerCpu);
  const databaseCpu = sumIfAll((turn) => turn.databaseCpu);
  return {
    perSecond: done / seconds,
    slowest: Math.min(...rates),
    fastest: Math.max(...rates),
    p50: latencies.percentile(50),
    p95: latencies.percentile(95),
    p99: latencies.percentile(99),
    subjectCpu: subjectCpu && (subjectCpu / done) * 1_000,
    brokerShare: brokerCpu && brokerCpu / seconds,
    databaseShare: databaseCpu && databaseCpu / seconds,
    generatorShare: sum((turn) => turn.cpuSeconds) / seconds,
    errors: addUp(turns.map((turn) => turn.errors)),
    unanswered: sum((turn) => turn.unanswered),
    events: sum((turn) => turn.events),
    successes: sum((turn) => turn.successes),
  };
}

function addUp(counts: Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [text, count] of counts.flatMap(Object.entries)) total[text] = (total[text] ?? 0) + count;
  return total;
}

function difference(before?: number, after?: number): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}
