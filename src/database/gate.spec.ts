import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Gate, type Kind, NoTurn } from './gate.js';

const ASKER = { userId: 1 };
const settled = () => new Promise<void>((resolve) => process.nextTick(resolve));

/** How many of a kind, of which a hundred ask, are let in. */
function letIn(gate: Gate, kind: Kind, asker = ASKER): number {
  let count = 0;
  for (let i = 0; i < 100; i++) if (!gate.enter(kind, asker)) count++;
  return count;
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

describe('Gate', () => {
  it.each([
    [8, 7, 5, 4, 2],
    [4, 3, 1, 1, 1],
    [3, 3, 2, 1, 1],
    [2, 2, 1, 1, 1],
    [1, 1, 1, 1, 1],
  ])('of %d connections gives batches %d, lookups %d, locks %d and lists %d', (size, ...ceilings) => {
    const kinds = ['batch', 'lookup', 'locking', 'list'] as const;
    expect(kinds.map((kind) => letIn(new Gate(size), kind))).toEqual(ceilings);
  });

  it.each([8, 4, 3, 2])('lets two or one batch in beside all that is none, with %d connections', (size) => {
    const gate = new Gate(size);
    const others = letIn(gate, 'list') + letIn(gate, 'locking') + letIn(gate, 'lookup');
    expect(others).toBe(size < 4 ? size - 1 : size - 3);
    expect(letIn(gate, 'batch')).toBe(size < 4 ? 1 : 2);
  });

  it('keeps a place for a lookup beside lists, and beside what waits for locks', () => {
    for (const kind of ['list', 'locking'] as const) {
      const gate = new Gate(8);
      letIn(gate, kind);
      expect(gate.enter('lookup', ASKER)).toBeUndefined();
    }
  });

  it('lets a batch begin before the next list where one connection is for all', async () => {
    const gate = new Gate(1);
    const begun: string[] = [];
    const enter = (kind: Kind) => void gate.enter(kind, ASKER)?.then(() => begun.push(kind));
    for (let i = 0; i < 3; i++) enter('list');
    enter('batch');
    enter('batch');
    for (const kind of ['list', 'list', 'batch', 'list'] as const) {
      gate.leave(kind, performance.now());
      await settled();
    }
    // No kind waits for all of another, either.
    expect(begun).toEqual(['list', 'batch', 'list', 'batch']);
  });

  it('lets users take turns, and the clients of each', async () => {
    const gate = new Gate(1);
    const begun: string[] = [];
    const clients = [1, 1, 2].map((userId) => ({ userId }));
    expect(gate.enter('list', clients[0]!)).toBeUndefined();
    for (const client of [0, 0, 0, 1, 2]) {
      void gate.enter('list', clients[client]!)!.then(() => begun.push(`client ${client}`));
    }
    for (let i = 0; i < 5; i++) {
      gate.leave('list', performance.now());
      await settled();
    }
    expect(begun).toEqual(['client 0', 'client 2', 'client 1', 'client 0', 'client 0']);
  });

  it('gives up what has waited for ten seconds, and lets in what comes after it', async () => {
    const gate = new Gate(1);
    expect(gate.enter('list', ASKER)).toBeUndefined();
    const late = gate.enter('list', ASKER);
    vi.advanceTimersByTime(10_000);
    await expect(late).rejects.toBeInstanceOf(NoTurn);
    const next = gate.enter('list', ASKER);
    gate.leave('list', performance.now());
    await next;
    gate.leave('list', performance.now());
    expect(gate.enter('list', ASKER)).toBeUndefined();
  });

  it('lets no list take the place of a long one for 25 ms, if others ask meanwhile', async () => {
    const gate = new Gate(4);
    expect(gate.enter('list', ASKER)).toBeUndefined();
    gate.enter('batch', ASKER);
    gate.leave('list', performance.now() - 10);
    let isIn = false;
    void gate.enter('list', ASKER)?.then(() => (isIn = true));
    vi.advanceTimersByTime(24);
    expect(gate.enter('lookup', ASKER)).toBeUndefined();
    gate.leave('lookup', performance.now());
    await settled();
    expect(isIn).toBe(false);
    vi.advanceTimersByTime(1);
    await settled();
    expect(isIn).toBe(true);
  });

  it.each([
    ['a list alone', false, 1_000],
    ['a short list', true, 1],
  ])('lets the next list in at once after %s', (_, isBesideOthers, tookMs) => {
    const gate = new Gate(4);
    expect(gate.enter('list', ASKER)).toBeUndefined();
    if (isBesideOthers) gate.enter('batch', ASKER);
    gate.leave('list', performance.now() - tookMs);
    expect(gate.enter('list', ASKER)).toBeUndefined();
  });
});
