import { beforeEach, describe, expect, it } from 'vitest';
import { Backlog } from './backlog.js';

let backlog: Backlog<string>;
beforeEach(() => {
  backlog = new Backlog();
});

describe('Backlog', () => {
  it('names the session that has most, of the user who has most', () => {
    backlog.count(1, 'large', 900);
    for (const session of ['small', 'medium', 'tiny']) backlog.count(2, session, 300);
    backlog.count(2, 'medium', 300);
    expect(backlog.bytes).toBe(2_100);
    expect(backlog.heaviest).toBe('medium');
    backlog.count(2, 'medium', -400);
    expect(backlog.heaviest).toBe('large');
    backlog.count(1, 'large', -899);
    expect(['small', 'tiny']).toContain(backlog.heaviest);
  });

  it('names one that has most after each of many changes, and the last one left', () => {
    const sizes = Array.from({ length: 300 }, (_, n) => 100 + ((n * 7_919) % 300));
    const add = (n: number, bytes: number) => {
      sizes[n]! += bytes;
      backlog.count(n, `${n}`, bytes);
    };
    for (const [n, bytes] of sizes.entries()) backlog.count(n, `${n}`, bytes);
    for (let change = 0; backlog.bytes > 0; change++) {
      const heaviest = Number(backlog.heaviest);
      expect(sizes[heaviest]).toBe(Math.max(...sizes));
      add(heaviest, -Math.min(sizes[heaviest]!, 80));
      const other = (change * 31) % sizes.length;
      add(other, change < 1_000 ? (change % 60) + 1 : -sizes[other]!);
    }
    expect(sizes.every((bytes) => bytes === 0)).toBe(true);
    expect(backlog.heaviest).toBeUndefined();
  });

  it('names none where nothing waits', () => {
    expect(backlog.heaviest).toBeUndefined();
    backlog.count(1, 'a', 10);
    backlog.count(1, 'a', -10);
    expect(backlog.heaviest).toBeUndefined();
    expect(backlog.bytes).toBe(0);
  });
});
