import { number } from './table.js';

/** @returns `NaN` if there is nothing */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** The median of the rounds, and their extremes: what disturbs some of the rounds does not move the median. */
export function spread(values: number[]): string {
  return `${number(median(values), 2)} (${number(Math.min(...values), 2)} - ${number(Math.max(...values), 2)})`;
}
