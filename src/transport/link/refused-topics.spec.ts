import { beforeEach, expect, it } from 'vitest';
import { RefusedTopics } from './refused-topics.js';

let topics: RefusedTopics;

beforeEach(() => {
  topics = new RefusedTopics();
});

it('a thousand topics are remembered, and the oldest gives way to the next', () => {
  for (let i = 0; i <= 1_000; i++) topics.add(`t${i}`, 0);
  expect([0, 1, 1_000].map((i) => topics.has(`t${i}`, 1))).toEqual([false, true, true]);
});

it('a topic is refused whatever the size, or from a size on', () => {
  topics.add('any', 0);
  topics.add('large', 100);
  expect([topics.has('any', 0), topics.isTooLarge('any', 1_000)]).toEqual([true, false]);
  expect([topics.has('large', 99), topics.has('large', 100)]).toEqual([false, true]);
  expect([topics.isTooLarge('large', 99), topics.isTooLarge('large', 100)]).toEqual([false, true]);
});
