import { describe, expect, it } from 'vitest';
import { WorkLimit } from './work-limit.js';

/** Work that ends when it is told to. */
function held<T>(): { work: () => Promise<T>; started: () => boolean; end: (value: T) => void } {
  let end: (value: T) => void = () => {};
  let isStarted = false;
  const done = new Promise<T>((resolve) => (end = resolve));
  return { work: () => ((isStarted = true), done), started: () => isStarted, end };
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('WorkLimit', () => {
  it('starts as much as there is room for, and the others of a client in their order', async () => {
    const limit = new WorkLimit(2);
    const jobs = Array.from({ length: 4 }, () => held<number>());
    const results = jobs.map(({ work }) => limit.run('a', work));
    const started = () => jobs.map((job) => job.started());
    expect(started()).toEqual([true, true, false, false]);
    jobs[1]!.end(1);
    await settle();
    expect(started()).toEqual([true, true, true, false]);
    [0, 2, 3].forEach((i) => jobs[i]!.end(i));
    expect(await Promise.all(results)).toEqual([0, 1, 2, 3]);
  });

  it('has clients take turns, however much one of them has', async () => {
    const limit = new WorkLimit(1);
    const order: string[] = [];
    const work = (name: string) => limit.run(name[0]!, async () => void order.push(name));
    const first = held();
    const running = limit.run('x', first.work);
    const all = ['a1', 'a2', 'a3', 'b1', 'a4', 'c1', 'b2'].map(work);
    first.end(undefined);
    await Promise.all([running, ...all]);
    expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
  });

  it('is full while the last place is taken', async () => {
    const limit = new WorkLimit(1);
    const [first, second] = [held(), held()];
    expect(limit.isFull).toBe(false);
    const running = [limit.run('a', first.work), limit.run('a', second.work)];
    first.end(undefined);
    await settle();
    expect(limit.isFull).toBe(true);
    second.end(undefined);
    await Promise.all(running);
    expect(limit.isFull).toBe(false);
  });

  it('passes a failure on and frees the place', async () => {
    const limit = new WorkLimit(1);
    const failing = limit.run('a', () => Promise.reject(new Error('no')));
    const next = limit.run('a', () => Promise.resolve('yes'));
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('yes');
    expect(limit.isFull).toBe(false);
  });
});
