import type { Measured } from './rounds.js';
import { spread } from './spread.js';
import { number, table, troubles } from './table.js';
import type { Turn } from './turn.js';

/** Rates, latencies and CPU time, a line for each contender and number of requests in flight. */
export function rateTable(measured: Measured[], what: string, unit: string): string {
  const header = [`in flight, ${what}`, unit, 'slowest - fastest round', 'p50 ms', 'p99 ms'];
  const rows = sorted(measured).map(({ name, inFlight, summary: s }) => [
    `${inFlight}, ${name}`,
    number(s.perSecond),
    `${number(s.slowest)} - ${number(s.fastest)}`,
    number(s.p50, 2),
    number(s.p99, 2),
    number(s.cpuPerThousand, 3),
    troubles(s.errors, s.unanswered),
  ]);
  return table([...header, 'CPU s per 1,000', 'errors'], rows);
}

/** Ratios of the rates of two contenders, by the number of requests in flight. */
export function ratioTable(
  measured: Measured[],
  unit: string,
  pairs: [name: string, baseline: string][],
): string {
  const inFlights = [...new Set(measured.map(({ inFlight }) => inFlight))];
  const rows = pairs.map(([name, baseline]) => [
    `${name} / ${baseline}`,
    ...inFlights.map((inFlight) => {
      const of = (contender: string) =>
        measured.find((entry) => entry.name === contender && entry.inFlight === inFlight)!;
      return ratio(of(name), of(baseline));
    }),
  ]);
  const caption = `Ratios of ${unit}: the median of the rounds, with the lowest and the highest.`;
  return [caption, table([unit, ...inFlights.map((inFlight) => `${inFlight} in flight`)], rows)].join('\n\n');
}

/** The rate of one in that of another, in each round. */
export function ratio(one: Measured, other: Measured): string {
  const rate = ({ done, seconds }: Turn) => done / seconds;
  return spread(one.turns.map((turn, round) => rate(turn) / rate(other.turns[round]!)));
}

export const sorted = (measured: Measured[]): Measured[] =>
  measured.toSorted((a, b) => a.inFlight - b.inFlight);
