import { beforeEach, describe, expect, it } from 'vitest';
import { ReadTurns, type Share } from './read-turns.js';

let turns: ReadTurns;
/** In the order in which they have read on. */
let readers: string[];

beforeEach(() => {
  turns = new ReadTurns();
  readers = [];
});

const turn = () => new Promise(setImmediate);
const taker = (name: string) => ({
  readOn: () => void readers.push(name),
  giveUp: (reason: string) => void readers.push(`${name}: ${reason}`),
});

/** Takes as many packets as it may, 1,000 at most. */
function takeAll(share: Share, bytes = 2, filters = 0): number {
  let taken = 0;
  while (taken < 1_000 && turns.mayTake(share)) {
    turns.take(share, bytes, filters);
    taken++;
  }
  return taken;
}

describe('ReadTurns', () => {
  it('gives one connection 64 packets in each turn', async () => {
    const share = turns.share();
    expect(takeAll(share)).toBe(64);
    expect(takeAll(share)).toBe(0);
    await turn();
    expect(takeAll(share)).toBe(64);
  });

  it('counts a packet of 1 MB as a whole share, and always gives one', async () => {
    const share = turns.share();
    expect(takeAll(share, 1_000_000)).toBe(1);
    await turn();
    expect(takeAll(share, 100_000_000)).toBe(1);
    await turn();
    expect(takeAll(share, 4_096)).toBe(22);
  });

  it('counts four filters as one packet', async () => {
    const share = turns.share();
    expect(takeAll(share, 2, 28)).toBe(8);
    await turn();
    expect(takeAll(share, 2, 3)).toBe(64);
    await turn();
    expect(takeAll(share, 2, 1_024)).toBe(1);
    expect(takeAll(turns.share())).toBe(0);
  });

  it('counts eight copies of messages to other clients as one packet of all connections', async () => {
    for (let i = 0; i < 8 * 250; i++) turns.takeCopy();
    expect(takeAll(turns.share())).toBe(6);
    await turn();
    expect(takeAll(turns.share())).toBe(64);
  });

  it('gives all connections together 256 packets in each turn', async () => {
    const shares = Array.from({ length: 10 }, () => turns.share());
    const taken = () => shares.map((share) => takeAll(share));
    expect(taken()).toEqual([64, 64, 64, 64, 0, 0, 0, 0, 0, 0]);
    await turn();
    expect(taken().reduce((sum, one) => sum + one)).toBe(256);
  });

  it('lets a connection that got nothing read on before those that did', async () => {
    const shares = Array.from({ length: 5 }, () => turns.share());
    for (const [i, share] of shares.entries()) {
      takeAll(share);
      turns.wait(taker(`reader ${i}`), share);
    }
    await turn();
    expect(readers[0]).toBe('reader 4');
    expect(readers).toHaveLength(5);
    await turn();
    expect(readers).toHaveLength(5);
  });

  it('lets the others read on if one of them throws, which is given up', async () => {
    const bad = {
      ...taker('bad'),
      readOn: () => {
        throw new Error('broken');
      },
    };
    for (const each of [taker('first'), bad, taker('last')]) turns.wait(each, turns.share());
    await turn();
    expect(readers).toEqual(['first', 'bad: cannot be read: broken', 'last']);
  });
});
