import { beforeEach, describe, expect, it } from 'vitest';
import { WaitingMessages } from './waiting-messages.js';

const MEGABYTE = 1_048_576;

let messages: WaitingMessages;
let counter: number;

beforeEach(() => {
  messages = new WaitingMessages();
  counter = 0;
});

function add(clientId: string, topic: string, bytes = 1): { brokerId: string; brokerCounter: number } {
  const id = { brokerId: 'broker', brokerCounter: ++counter };
  messages.add(clientId, { ...id, topic, payload: Buffer.alloc(bytes) });
  return id;
}

async function topicsOf(clientId: string): Promise<(string | undefined)[]> {
  return (await messages.of(clientId).toArray()).map(({ topic }) => topic);
}

describe('WaitingMessages', () => {
  it('keep the messages of each client in order until they are acknowledged', async () => {
    for (const topic of ['1', '2', '3'])
      messages.update('a', { ...add('a', topic), messageId: Number(topic) });
    add('b', 'other');
    expect(messages.remove('a', { messageId: 2 })).toMatchObject({ topic: '2' });
    expect(await topicsOf('a')).toEqual(['1', '3']);
    expect(await topicsOf('b')).toEqual(['other']);
  });

  it('lose a message that the client may not have, and no other that has no message id yet', async () => {
    add('a', 'first');
    const second = add('a', 'second');
    messages.remove('a', second);
    expect(await topicsOf('a')).toEqual(['first']);
  });

  it('have a PUBREL in place of its message until that is completed', async () => {
    messages.update('a', { ...add('a', '1', MEGABYTE), messageId: 7 });
    messages.update('a', { messageId: 7 });
    expect(await messages.of('a').toArray()).toEqual([{ messageId: 7 }]);
    messages.remove('a', { messageId: 7 });
    expect(await topicsOf('a')).toEqual([]);
  });

  it('keep 1,000 for a client, and not those that come then', async () => {
    for (let i = 0; i < 1_100; i++) add('a', String(i));
    const topics = await topicsOf('a');
    expect([topics.length, topics.at(-1)]).toEqual([1_000, '999']);
  });

  it('take 64 MB together: the client that has most loses its oldest', async () => {
    add('small', 'kept');
    for (let i = 0; i < 100; i++) add('large', String(i), MEGABYTE);
    const topics = await topicsOf('large');
    expect([topics.length, topics.at(-1)]).toEqual([63, '99']);
    expect(await topicsOf('small')).toEqual(['kept']);
    messages.clear('large');
    for (let i = 0; i < 63; i++) add('later', String(i), MEGABYTE);
    expect(await topicsOf('later')).toHaveLength(63);
  });

  it('ignore what becomes of a message that was dropped', async () => {
    messages.update('a', { brokerId: 'broker', brokerCounter: 99, messageId: 1 });
    expect(messages.remove('a', { messageId: 1 })).toBeUndefined();
    expect(await topicsOf('a')).toEqual([]);
  });
});
