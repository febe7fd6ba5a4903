import { Histogram } from '../generator/histogram.js';
import { spread } from './spread.js';
import { summarize } from './summary.js';
import { number } from './table.js';
import type { Turn } from './turn.js';

/**
 * A small client. It has no ramp, so that its first requests count, which may wait for longer than a turn lasts. It has no
 * watcher, which would have to log in beside the load.
 */
export const UPDATER = {
  action: 'command/update',
  inFlight: 4,
  clients: 1,
  rampSeconds: 0,
  drainSeconds: 60,
  isWatched: false,
} as const;

/** The header of `besideCells`. */
export const BESIDE_HEADER = ['alone p50 ms', 'p99 ms', 'beside p50 ms', 'p99 ms', 'beside / alone, p50'];

/** Latencies of the updater without and with something beside it, and the ratio of each pair of turns. */
export function besideCells(alone: Turn[], beside: Turn[]): string[] {
  const [a, b] = [summarize(alone), summarize(beside)];
  const ratios = beside.map((turn, round) => p50(turn) / p50(alone[round]!));
  return [...[a.p50, a.p99, b.p50, b.p99].map((value) => number(value, 2)), spread(ratios)];
}

const p50 = ({ latencies }: Turn) => Histogram.of(latencies).percentile(50);
