import { describe, expect, it } from 'vitest';
import { Lanes } from './lanes.js';

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Lanes', () => {
  it('runs the work of one key one after the other, in the order of the calls', async () => {
    const lanes = new Lanes();
    const events: string[] = [];
    const job = (name: string, turns: number) => async () => {
      events.push(`${name} starts`);
      for (let i = 0; i < turns; i++) await settle();
      events.push(`${name} ends`);
      return name;
    };
    const results = await Promise.all([
      lanes.run(1, job('a', 3)),
      lanes.run(1, job('b', 1)),
      lanes.run(1, job('c', 0)),
    ]);
    expect(results).toEqual(['a', 'b', 'c']);
    expect(events).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  it('does not let different keys wait for each other', async () => {
    const lanes = new Lanes();
    let release = () => {};
    const held = lanes.run(1, () => new Promise<void>((resolve) => (release = resolve)));
    await expect(lanes.run(2, () => Promise.resolve('done'))).resolves.toBe('done');
    release();
    await held;
  });

  it('goes on after a failure, which only its caller sees', async () => {
    const lanes = new Lanes();
    const failing = lanes.run(1, () => Promise.reject(new Error('no')));
    const thrown = lanes.run(1, () => {
      throw new Error('at once');
    });
    const next = lanes.run(1, () => Promise.resolve('yes'));
    await expect(failing).rejects.toThrow('no');
    await expect(thrown).rejects.toThrow('at once');
    await expect(next).resolves.toBe('yes');
  });

  it('keeps the order for work that joins while a lane is running', async () => {
    const lanes = new Lanes();
    const order: number[] = [];
    const add = (n: number) => () => Promise.resolve(void order.push(n));
    const joined: Promise<void>[] = [];
    await lanes.run(1, async () => {
      joined.push(lanes.run(1, add(2)), lanes.run(1, add(3)));
      await settle();
      order.push(1);
    });
    joined.push(lanes.run(1, add(4)));
    await Promise.all(joined);
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('forgets a lane that is empty', async () => {
    const lanes = new Lanes();
    await Promise.all([lanes.run(1, settle), lanes.run(1, settle), lanes.run(2, settle)]);
    await lanes.run(3, () => Promise.reject(new Error('no'))).catch(() => undefined);
    expect(lanes).toEqual(new Lanes());
  });
});
