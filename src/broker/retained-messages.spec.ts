import { beforeEach, describe, expect, it } from 'vitest';
import { type RetainedMessage, RetainedMessages } from './retained-messages.js';

let messages: RetainedMessages<RetainedMessage>;

beforeEach(() => {
  messages = new RetainedMessages();
});

const store = (topic: string, payload = 'x') => messages.store({ topic, payload });
const found = async (...filters: string[]) =>
  (await messages.matching(filters)).map(({ topic }) => topic).toSorted();

describe('RetainedMessages', () => {
  it('are found by filters, once each', async () => {
    for (const topic of ['a/b', 'a/c', 'b', '/a']) store(topic);
    expect(await found('a/b')).toEqual(['a/b']);
    expect(await found('a/+', 'a/#', 'a/b')).toEqual(['a/b', 'a/c']);
    expect(await found('#')).toEqual(['/a', 'a/b', 'a/c', 'b']);
    expect(await found('+/a')).toEqual(['/a']);
    expect(await found('dh/response/#', 'c')).toEqual([]);
  });

  it('are not found below $ by a wildcard in the first level [MQTT-4.7.2-1]', async () => {
    store('$own/a');
    expect(await found('#', '+/a')).toEqual([]);
    expect(await found('$own/#')).toEqual(['$own/a']);
  });

  it('are removed by an empty message, and by one that is too large', async () => {
    for (const topic of ['a', 'b']) store(topic);
    store('a', '');
    store('b', 'x'.repeat(65_537));
    store('t'.repeat(1_025));
    expect(await found('#')).toEqual([]);
  });

  it('are 1,000 at most, each of which may still change', async () => {
    for (let i = 0; i < 1_100; i++) store(`t/${i}`);
    store('t/5', 'new');
    expect(await found('#')).toHaveLength(1_000);
    expect(await messages.matching(['t/5'])).toEqual([{ topic: 't/5', payload: 'new' }]);
  });

  it('are searched in several turns of the event loop if there are many filters', async () => {
    for (let i = 0; i < 1_000; i++) store(`a/b/c/d/e/f/${i}`);
    const filters = Array.from({ length: 1_000 }, (_, i) => `a/b/c/d/e/f/x${i}`);
    const over = new AbortController();
    const searches = Promise.all(Array.from({ length: 3 }, () => found(...filters))).finally(() =>
      over.abort(),
    );
    let turns = 0;
    for (; !over.signal.aborted; turns++) await new Promise(setImmediate);
    expect(await searches).toEqual([[], [], []]);
    expect(turns).toBeGreaterThan(10);
  });
});
