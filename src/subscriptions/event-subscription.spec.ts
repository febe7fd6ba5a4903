import { describe, expect, it, vi } from 'vitest';
import { EventIndex } from './event-index.js';
import { EventSubscription } from './event-subscription.js';
import { FilterBudget } from './filter-budget.js';

const TOPIC = 'dh/command/1/1/device/n0';
const names = (count: number) => Array.from({ length: count }, (_, n) => `n${n}`);

/** What two filters of six levels take. */
const LIMITS = { filters: 3, levels: 12 };

function scene() {
  const index = new EventIndex();
  const budget = new FilterBudget(LIMITS);
  const sink = { send: () => true, disconnect: () => {}, budgetOf: () => budget, eventFiltersOf: () => [] };
  const origin = { id: 1, connectionId: 'c', number: 1, qos: 1 };
  const subscribe = (count: number) =>
    new EventSubscription(origin, { kind: 'command', names: names(count) }, index, budget, sink);
  return { index, subscribe };
}

describe('EventSubscription', () => {
  it('that does not fit the budget takes nothing of it and leaves no filter', () => {
    const { index, subscribe } = scene();
    expect(() => subscribe(3)).toThrow('More than 3 filters or 12 levels on one connection');
    expect(index.match(TOPIC)).toEqual([]);
    expect(() => subscribe(2)).not.toThrow();
  });

  it('whose filters the index refuses half-way leaves none, and what it took is free again', () => {
    const { index, subscribe } = scene();
    const add = index.add.bind(index);
    vi.spyOn(index, 'add').mockImplementationOnce(add);
    vi.spyOn(index, 'add').mockImplementationOnce(() => {
      throw new Error('too many words');
    });
    expect(() => subscribe(2)).toThrow('too many words');
    expect(index.match(TOPIC)).toEqual([]);
    expect(() => subscribe(2)).not.toThrow();
  });

  it('gives back what it took, however often it ends', () => {
    const { index, subscribe } = scene();
    for (let n = 0; n < 100; n++) {
      const subscription = subscribe(2);
      expect(index.match(TOPIC)).toHaveLength(1);
      subscription.end();
      subscription.end();
      expect(index.match(TOPIC)).toEqual([]);
    }
    subscribe(2);
    expect(() => subscribe(1)).toThrow('unsubscribe from some first');
  });
});
