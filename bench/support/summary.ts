import { Histogram } from '../generator/histogram.js';
import type { Outcome } from '../generator/job.js';
import type { CpuSeconds } from './cpu.js';
import { troubles } from './table.js';
import type { Turn } from './turn.js';

/** What several turns come to. */
export interface Summary {
  perSecond: number;
  slowest: number;
  fastest: number;
  p50: number;
  p99: number;
  /** CPU seconds of the subject's process for 1,000 requests */
  cpuPerThousand?: number;
  /** CPU time in parts of one core */
  shares: CpuSeconds;
  errors: Record<string, number>;
  unanswered: number;
  /** that the watcher got; one for each success is right */
  events: number;
  successes: number;
}

export function summarize(turns: Turn[]): Summary {
  const latencies = Histogram.of(...turns.map((turn) => turn.latencies));
  const sum = (value: (turn: Turn) => number) => turns.reduce((total, turn) => total + value(turn), 0);
  const [done, seconds] = [sum((turn) => turn.done), sum((turn) => turn.seconds)];
  const rates = turns.map((turn) => turn.done / turn.seconds);
  const shares = sharesOf(turns, seconds);
  return {
    perSecond: done / seconds,
    slowest: Math.min(...rates),
    fastest: Math.max(...rates),
    p50: latencies.percentile(50),
    p99: latencies.percentile(99),
    cpuPerThousand: shares.subject && ((shares.subject * seconds) / done) * 1_000,
    shares,
    errors: addUp(turns.map((turn) => turn.errors)),
    unanswered: sum((turn) => turn.unanswered),
    events: sum((turn) => turn.events),
    successes: sum((turn) => turn.successes),
  };
}

/** What went wrong in all of them, e.g. `3 Overloaded, 1 unanswered`; `0` if nothing did. */
export function troublesOf(outcomes: Outcome[]): string {
  const unanswered = outcomes.reduce((total, outcome) => total + outcome.unanswered, 0);
  return troubles(addUp(outcomes.map(({ errors }) => errors)), unanswered);
}

function sharesOf(turns: Turn[], seconds: number): CpuSeconds {
  const share = (part: keyof CpuSeconds) => {
    const values = turns.flatMap(({ cpu }) => cpu[part] ?? []);
    if (values.length < turns.length) return undefined;
    return values.reduce((total, value) => total + value, 0) / seconds;
  };
  return {
    subject: share('subject'),
    broker: share('broker'),
    sessions: share('sessions'),
    generator: share('generator'),
    all: share('all') ?? 0,
  };
}

function addUp(counts: Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [text, count] of counts.flatMap(Object.entries)) total[text] = (total[text] ?? 0) + count;
  return total;
}
