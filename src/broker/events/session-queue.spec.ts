import { beforeEach, describe, expect, it } from 'vitest';
import { FIRST_EVENT_ID, messageIdOf, type QueuedEvent, SessionQueue } from './session-queue.js';

const MAX_EVENTS = 20_000;
const MEGABYTE = 1_048_576;

let waiting: number;
let queue: SessionQueue;

beforeEach(() => {
  waiting = 0;
  queue = new SessionQueue((bytes) => (waiting += bytes));
});

const add = (payload = 'x', to = queue) => to.add({ topic: 't', payload, suffix: '' });
const seqs = (events: QueuedEvent[]) => events.map(({ seq }) => seq);

/** Puts as many as given on their way. */
function send(count: number): QueuedEvent[] {
  const sent: QueuedEvent[] = [];
  for (let event = queue.next(); event && sent.length < count; event = queue.next()) {
    queue.send(event);
    sent.push(event);
  }
  return sent;
}

describe('SessionQueue', () => {
  it('hands out events in the order they came, each until it is acknowledged', () => {
    for (const payload of ['a', 'b', 'c']) add(payload);
    const sent = send(2);
    expect(sent.map(({ payload }) => payload)).toEqual(['a', 'b']);
    expect(queue.next()?.payload).toBe('c');
    expect(queue.acknowledge(messageIdOf(sent[1]!))).toBe(sent[1]);
    expect(queue.acknowledge(messageIdOf(sent[1]!))).toBeUndefined();
    expect(queue.acknowledge(1)).toBeUndefined();
    expect(queue.events.map(({ payload }) => payload)).toEqual(['a', 'c']);
  });

  it('after an interruption sends what was not acknowledged again, first and under the same id', () => {
    for (let i = 0; i < 5; i++) add();
    const ids = send(3).map(messageIdOf);
    queue.acknowledge(ids[1]!);
    queue.interrupt();
    expect(queue.acknowledge(ids[0]!)).toBeUndefined();
    add();
    const again = send(10);
    expect(seqs(again)).toEqual([1, 3, 4, 5, 6]);
    expect(again.slice(0, 2).map(messageIdOf)).toEqual([ids[0], ids[2]]);
  });

  it('hands out no more than 256 events or 1 MB at a time', () => {
    for (let i = 0; i < 300; i++) add();
    const small = send(300);
    expect(small).toHaveLength(256);
    for (const event of small) queue.acknowledge(messageIdOf(event));
    expect(send(300)).toHaveLength(44);
    queue.interrupt();
    for (const event of send(300)) queue.acknowledge(messageIdOf(event));

    for (let i = 0; i < 10; i++) add('x'.repeat(MEGABYTE / 4));
    const [first, ...others] = send(10);
    expect(others).toHaveLength(3);
    expect(queue.next()).toBeUndefined();
    queue.acknowledge(messageIdOf(first!));
    expect(send(10)).toHaveLength(1);
    queue.interrupt();
    expect(send(10)).toHaveLength(4);
  });

  it('hands out one event alone, however large it is', () => {
    add('x'.repeat(2 * MEGABYTE));
    add();
    expect(send(2)).toHaveLength(1);
  });

  it('marks what was sent, so that a repeat says so', () => {
    add();
    add();
    send(1);
    queue.interrupt();
    expect(queue.events.map(({ wasSent }) => wasSent)).toEqual([true, undefined]);
  });

  it('goes on counting behind what is restored', () => {
    queue.restore({ seq: 41, topic: 't', payload: 'old', suffix: '' });
    expect(add().seq).toBe(42);
    expect(seqs(send(2))).toEqual([41, 42]);
  });

  it('drops the oldest of those that wait where there are too many, and none on its way', () => {
    for (let i = 0; i < MAX_EVENTS; i++) add();
    expect(queue.trim()).toEqual([]);
    send(2);
    add();
    add();
    expect(seqs(queue.trim())).toEqual([3, 4]);
    expect(seqs(queue.events).slice(0, 3)).toEqual([1, 2, 5]);
    expect(queue.events).toHaveLength(MAX_EVENTS);
  });

  it('drops the oldest where they are too large together, until the rest fits', () => {
    const [half, whole] = ['x'.repeat(MEGABYTE / 2), 'x'.repeat(MEGABYTE)];
    for (let i = 0; i < 16; i++) add(half);
    for (let i = 0; i < 7; i++) add(whole);
    expect(queue.trim()).toEqual([]);
    add(whole);
    expect(seqs(queue.trim())).toEqual([1]);
    add(whole);
    expect(seqs(queue.trim())).toEqual([2, 3]);
  });

  it('drops down to what it is told, the oldest first', () => {
    const whole = 'x'.repeat(MEGABYTE);
    for (let i = 0; i < 10; i++) add(whole);
    expect(seqs(queue.trim(7.5 * MEGABYTE))).toEqual([1, 2, 3]);
    expect(queue.bytes).toBe(waiting);
  });

  it('tells how many bytes wait: none that are on their way, and those again after an interruption', () => {
    for (let i = 0; i < 4; i++) add('some text');
    const each = waiting / 4;
    const [first] = send(3);
    queue.acknowledge(messageIdOf(first!));
    expect(waiting).toBe(each);
    expect(queue.bytes).toBe(3 * each);
    queue.interrupt();
    expect(waiting).toBe(3 * each);
    for (const event of queue.events) queue.remove(event);
    queue.remove(first!);
    expect([waiting, queue.bytes]).toEqual([0, 0]);
    expect(queue.next()).toBeUndefined();
  });
});

describe('message ids of events', () => {
  it('are in the upper half of what MQTT has, and no other in a whole round', () => {
    const round = Array.from({ length: 0x7fff }, () => messageIdOf(add()));
    expect(Math.min(...round)).toBe(FIRST_EVENT_ID);
    expect(Math.max(...round)).toBeLessThanOrEqual(0xffff);
    expect(new Set(round).size).toBe(0x7fff);
    expect(messageIdOf(add())).toBe(round[0]);
  });

  it('are never those of another event on its way, also behind one that is not acknowledged', () => {
    add();
    const [stuck] = send(1);
    for (let i = 0; i < 2 * 0x7fff; i++) {
      add();
      for (const event of send(1)) queue.acknowledge(messageIdOf(event));
    }
    expect(queue.acknowledge(messageIdOf(stuck!))).toBe(stuck);
  });
});
