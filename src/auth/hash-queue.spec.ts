import { beforeEach, describe, expect, it } from 'vitest';
import { HASH_RANK, type HashOwner, HashQueue } from './hash-queue.js';

const owner = (rank: number, address: string, isSlowed = false): HashOwner => ({
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
    for (const name of ['a', 'b', 'c', 'd']) hash(name, owner(HASH_RANK.clean, name));
    await new Promise(setImmediate);
    expect(running).toEqual(['a', 'b']);
    expect(await order()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('lets known pairs pass first, then addresses without failures', async () => {
    for (let i = 0; i < 300; i++) hash('failed', owner(HASH_RANK.failed, `192.0.2.${i}`));
    hash('clean', owner(HASH_RANK.clean, '198.51.100.1'));
    hash('known', owner(HASH_RANK.known, '192.0.2.1'));
    expect((await order()).slice(0, 5)).toEqual(['failed', 'failed', 'known', 'clean', 'failed']);
  });

  it('runs one at a time of an address that is slowed, its known pairs first, and others beside it', async () => {
    for (const name of ['a', 'b']) hash(name, owner(HASH_RANK.failed, '192.0.2.1', true));
    hash('known', owner(HASH_RANK.known, '192.0.2.1', true));
    await new Promise(setImmediate);
    expect(running).toEqual(['a']);
    hash('other', owner(HASH_RANK.failed, '192.0.2.2'));
    await new Promise(setImmediate);
    expect(running).toEqual(['a', 'other']);
    expect(await order()).toEqual(['a', 'other', 'known', 'b']);
  });

  it('goes on after a hash that fails', async () => {
    const failing = () => Promise.reject(new Error('out of memory'));
    for (let i = 0; i < 3; i++) {
      await expect(queue.run(owner(HASH_RANK.clean, 'a'), failing)).rejects.toThrow('out of memory');
    }
    hash('next', owner(HASH_RANK.clean, 'a'));
    expect(await order()).toEqual(['next']);
  });
});
