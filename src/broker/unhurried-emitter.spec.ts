import { describe, expect, it } from 'vitest';
import { unhurriedEmitter } from './unhurried-emitter.js';

/** Subscribes, emits, gives the subscription back and emits again. */
async function heard(filter: string, topic: string): Promise<string[]> {
  const emitter = unhurriedEmitter();
  const topics: string[] = [];
  const listener = (message: { topic: string }, done: () => void) => {
    topics.push(message.topic);
    done();
  };
  const emit = () => new Promise<void>((resolve) => emitter.emit({ topic } as never, () => resolve()));
  await new Promise<void>((resolve) => emitter.on(filter, listener as never, resolve));
  await emit();
  await new Promise<void>((resolve) => emitter.removeListener(filter, listener as never, resolve));
  await emit();
  return topics;
}

describe('unhurriedEmitter', () => {
  it('hands a message to who has subscribed, until that is given back', async () => {
    expect(await heard('home/#', 'home/light')).toEqual(['home/light']);
    expect(await heard('#', 'home/light')).toEqual(['home/light']);
  });

  it.each(['home/#', 'dh/#'])('has taken %s, or given it back, when the call returns', (filter) => {
    const emitter = unhurriedEmitter();
    const topics: string[] = [];
    const done: string[] = [];
    const listener = ({ topic }: { topic: string }, next: () => void) => {
      topics.push(topic);
      next();
    };
    emitter.on(filter, listener as never, () => done.push('on'));
    emitter.emit({ topic: 'home/first' } as never);
    emitter.removeListener(filter, listener as never, () => done.push('removed'));
    emitter.emit({ topic: 'home/second' } as never);
    expect(done).toEqual(['on', 'removed']);
    expect(topics).toEqual(filter === 'home/#' ? ['home/first'] : []);
  });

  it.each(['dh/#', 'dh/command/+/+/device/#', 'dh'])(
    'keeps no filter %s: nothing below dh/ passes',
    async (filter) => {
      expect(await heard(filter, 'dh/command/1/1/device/on')).toEqual([]);
      expect(await heard(filter, 'dh')).toEqual([]);
    },
  );
});
