import { describe, expect, it } from 'vitest';
import { UserTurns } from './turns.js';

function takeAll(turns: UserTurns<string>): string[] {
  const taken: string[] = [];
  for (let { next } = turns; next !== undefined; next = turns.next) {
    expect(turns.take()).toBe(next);
    taken.push(next);
  }
  return taken;
}

describe('UserTurns', () => {
  it('gives each user every second turn, however many clients one of them has', () => {
    const turns = new UserTurns<string>();
    const fleet = [1, 2, 3].map(() => ({ userId: 'fleet' }));
    for (const [i, client] of fleet.entries()) for (const n of [1, 2]) turns.add(`fleet ${i} ${n}`, client);
    const single = { userId: 'single' };
    for (const n of [1, 2, 3]) turns.add(`single ${n}`, single);
    expect(takeAll(turns)).toEqual([
      'fleet 0 1',
      'single 1',
      'fleet 1 1',
      'single 2',
      'fleet 2 1',
      'single 3',
      'fleet 0 2',
      'fleet 1 2',
      'fleet 2 2',
    ]);
  });

  it('has nothing next and nothing to take when it is empty', () => {
    const turns = new UserTurns<string>();
    expect(turns.next).toBeUndefined();
    expect(turns.take()).toBeUndefined();
  });

  it('asks once whether an item is removed, so that none is lost whose answer changes with the time', () => {
    const turns = new UserTurns<string>();
    for (const item of ['a', 'b']) turns.add(item, { userId: 1 });
    let asked = 0;
    const removed = turns.remove(() => ++asked > 1);
    expect([...removed, ...takeAll(turns)].toSorted()).toEqual(['a', 'b']);
  });

  it('loses what is removed, and keeps the order of the rest', () => {
    const turns = new UserTurns<string>();
    const [one, two] = [1, 2].map((userId) => ({ userId }));
    for (const item of ['a1', 'a2', 'a3']) turns.add(item, one!);
    turns.add('b2', two!);
    expect(turns.remove((item) => item.endsWith('2'))).toEqual(['a2', 'b2']);
    expect(takeAll(turns)).toEqual(['a1', 'a3']);
  });
});
