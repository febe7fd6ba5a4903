import { beforeEach, describe, expect, it } from 'vitest';
import { Reading } from './reading.js';

let reading: Reading;
let told: string[];
const reader = (name: string) => ({ readOn: () => void told.push(name) });

beforeEach(() => {
  reading = new Reading();
  told = [];
});

describe('Reading', () => {
  it('lets everybody read while there is room', () => {
    reading.update(0.99);
    expect(reading.isOpenTo(reader('a'))).toBe(true);
    reading.update(0.5);
    expect(told).toEqual([]);
  });

  it('lets those who wait read on in turn, one with each request that is done', () => {
    reading.update(1);
    for (const name of ['a', 'b', 'c']) expect(reading.isOpenTo(reader(name))).toBe(false);
    reading.update(1.2);
    expect(told).toEqual([]);
    reading.update(0.9);
    expect(told).toEqual(['a']);
    reading.update(1);
    reading.update(0.9);
    expect(told).toEqual(['a', 'b']);
  });

  it('lets all read on where no more requests will be done', () => {
    reading.update(1);
    for (const name of ['a', 'b', 'c']) reading.isOpenTo(reader(name));
    reading.update(0);
    expect(told).toEqual(['a', 'b', 'c']);
  });

  it('does not tell one that has ended', () => {
    reading.update(1);
    const [a, b] = [reader('a'), reader('b')];
    reading.isOpenTo(a);
    reading.isOpenTo(b);
    reading.forget(a);
    reading.update(0.5);
    expect(told).toEqual(['b']);
  });
});
