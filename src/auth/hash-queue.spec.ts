import { beforeEach, describe, expect, it } from 'vitest';
import { type HashOwner, HashQueue, type HashRank } from './hash-queue.js';

const owner = (rank: HashRank, address: string, isSlowed = false): HashOwner => ({
  rank,
  address,
  isSlowed: () => isSlowed,
});

describe('HashQueue', () => {
  let queue: HashQueue;
  let running: string[];
  /** The first ends the hash that has run for longest. */
  let ends: (() => void)[];

  beforeEach(() => {
    queue = new HashQueue(2);
    running = [];
    ends = [];
  });

  function hash(name: string, of: HashOwner): void {
    const work = () => {
      running.push(name);
      return new Promise<void>((resolve) => ends.push(resolve));
    };
    void queue.run(of, work);
  }

  /** The order in which all that wait are started. */
  async function order(): Promise<string[]> {
    await new Promise(setImmediate);
    while (ends.length > 0) {
      ends.shift()!();
      await new Promise(setImmediate);
    }
    return running;
  }

  it('runs as many at once as it may, in the order of arrival', async () => {
    for (const name of ['a', 'b', 'c', 'd']) hash(name, owner('clean', name));
    await new Promise(setImmediate);
    expect(running).toEqual(['a', 'b']);
    expect(await order()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('lets known pairs pass first, then addresses without failures', async () => {
    for (let i = 0; i < 300; i++) hash('failed', owner('failed', `192.0.2.${i}`));
    hash('clean', owner('clean', '198.51.100.1'));
    hash('known', owner('known', '192.0.2.1'));
    expect((await order()).slice(0, 5)).toEqual(['failed', 'failed', 'known', 'clean', 'failed']);
  });

  it('runs one at a time of an address that is slowed, its known pairs first, and others beside it', async () => {
    for (const name of ['a', 'b']) hash(name, owner('failed', '192.0.2.1', true));
    hash('known', owner('known', '192.0.2.1', true));
    await new Promise(setImmediate);
    expect(running).toEqual(['a']);
    hash('other', owner('failed', '192.0.2.2'));
    await new Promise(setImmediate);
    expect(running).toEqual(['a', 'other']);
    expect(await order()).toEqual(['a', 'other', 'known', 'b']);
  });

  it('goes on after a hash that fails', async () => {
    const failing = () => Promise.reject(new Error('out of memory'));
    for (let i = 0; i < 3; i++) {
      await expect(queue.run(owner('clean', 'a'), failing)).rejects.toThrow('out of memory');
    }
    hash('next', owner('clean', 'a'));
    expect(await order()).toEqual(['next']);
  });

  it('lets addresses of one rank take turns', async () => {
    for (let i = 0; i < 100; i++) hash('many', owner('failed', '192.0.2.1'));
    hash('one', owner('failed', '192.0.2.2'));
    hash('another', owner('failed', '192.0.2.3'));
    expect((await order()).slice(0, 6)).toEqual(['many', 'many', 'many', 'one', 'another', 'many']);
  });

  it('drops what waits once its signal is aborted', async () => {
    for (const name of ['a', 'b']) hash(name, owner('clean', '192.0.2.1'));
    const connection = new AbortController();
    const of = { ...owner('clean', '192.0.2.1'), signal: connection.signal };
    const dropped = queue.run(of, () => Promise.reject(new Error('a dropped hash is not computed')));
    connection.abort(new Error('gone'));
    await expect(dropped).rejects.toThrow('gone');
    expect(await order()).toEqual(['a', 'b']);
  });
});
