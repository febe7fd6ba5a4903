import 'reflect-metadata';
import type { PublishPacket } from 'aedes';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UserRightsCache } from '../directory/user-rights.js';
import type { BrokerOptions } from './broker.options.js';
import type { Connection } from './connection.js';
import type { Connections } from './connections.js';
import type { EventDelivery } from './events/event-delivery.js';
import type { StoredSessions } from './events/stored-sessions.js';
import { ServiceTraffic } from './service-traffic.js';
import { DROPPED_TOPIC } from './topic-access.js';

/** What has left, in its order. */
let left: string[];
/** What the disk and the database let go. */
let writeAll: () => void;
let readRights: () => void;
let refresh: () => Promise<void>;
let state: { isFlushed: boolean; isFresh: boolean };
let traffic: ServiceTraffic;

function leave(what: string, to: string): void {
  if (to === 'broken') throw new Error('broken');
  left.push(what);
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});
beforeEach(() => {
  left = [];
  state = { isFlushed: true, isFresh: true };
  const written = new Promise<void>((resolve) => (writeAll = resolve));
  const read = new Promise<void>((resolve) => (readRights = resolve));
  refresh = () => read.then(() => void (state.isFresh = true));
  traffic = new ServiceTraffic(
    { serviceClientId: 'service' } as BrokerOptions,
    {
      get: (id: string) =>
        id === 'gone' ? undefined : { answer: (number: number) => leave(`reply ${number}`, id) },
    } as unknown as Connections,
    { deliver: ({ topic }: { topic: string }) => leave(topic, topic) } as unknown as EventDelivery,
    {
      get isFlushed() {
        return state.isFlushed;
      },
      flushed: () => written,
    } as unknown as StoredSessions,
    {
      isFresh: () => state.isFresh,
      refresh: () => refresh(),
    } as unknown as UserRightsCache,
  );
});

const event = (name: string) => traffic.publish(`dh/event/0/${name}`, '{}');
const reply = (number: number, to = 'someone') =>
  traffic.publish(`dh/reply/${to}/${number}/dh/response/x@c`, '{}');
/** Long enough for all that waits for nothing. */
const settle = () => new Promise(setImmediate);

describe('ServiceTraffic', () => {
  it.each([
    ['at once', true],
    ['once the rights are read', false],
  ])('goes on after an event and a reply that fail, which it logs: %s', async (_, isFresh) => {
    const error = vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    state.isFresh = isFresh;
    writeAll();
    event('broken');
    reply(1, 'broken');
    event('a');
    reply(2);
    readRights();
    await settle();
    event('b');
    await settle();
    expect(left).toEqual(['a', 'reply 2', 'b']);
    expect(error.mock.calls.map(([message]) => message)).toEqual([
      'The event on "broken" is lost',
      'A reply on "dh/response/x@c" is lost',
    ]);
  });

  it('hands on events and replies at once where nothing has to wait', async () => {
    event('a');
    reply(1);
    reply(2, 'gone');
    event('b');
    await settle();
    expect(left).toEqual(['a', 'b', 'reply 1']);
  });

  it('gives the service the requests of clients, of which Aedes keeps nothing, and its own', () => {
    const received: string[] = [];
    const connection = { take: () => 'dh/request/x/c/1-1' } as unknown as Connection;
    const packet = { topic: 'dh/request', payload: Buffer.from('{"a":1}') } as unknown as PublishPacket;
    traffic.request(connection, { ...packet });
    traffic.connect((topic, payload) => received.push(`${topic} ${String(payload)}`));
    traffic.request(connection, packet);
    expect(packet).toMatchObject({ topic: DROPPED_TOPIC, payload: '' });
    traffic.publish('dh/request', '{}');
    traffic.connect(undefined);
    traffic.publish('dh/request', '{}');
    expect(received).toEqual([
      'dh/request/x/c/1-1 {"a":1}',
      expect.stringMatching(/^dh\/request\/[0-9a-f-]{36}\/service\/1-0 \{\}$/),
    ]);
  });

  it('holds replies until the events before them are on disk, not those of before', async () => {
    reply(1);
    state.isFlushed = false;
    event('a');
    reply(2);
    event('b');
    reply(3);
    await settle();
    expect(left).toEqual(['a', 'b', 'reply 1']);
    writeAll();
    await settle();
    expect(left).toEqual(['a', 'b', 'reply 1', 'reply 2', 'reply 3']);
  });

  it('holds events until the rights of their receivers are known, in their order, and replies behind them', async () => {
    state.isFresh = false;
    event('a');
    state.isFresh = true;
    event('b');
    reply(1);
    await settle();
    expect(left).toEqual([]);
    readRights();
    await settle();
    expect(left).toEqual(['a', 'b']);
    writeAll();
    await settle();
    event('c');
    reply(2);
    await settle();
    expect(left).toEqual(['a', 'b', 'reply 1', 'c', 'reply 2']);
  });

  it('gives each event a read that began after it, and no reply waits for events behind it', async () => {
    const reads: (() => void)[] = [];
    refresh = () => new Promise((resolve) => reads.push(resolve));
    state.isFresh = false;
    writeAll();
    event('a');
    event('b');
    reply(1);
    await settle();
    event('c');
    reply(2);
    await settle();
    expect(reads).toHaveLength(1);
    reads[0]!();
    await settle();
    expect(left).toEqual(['a', 'b', 'reply 1']);
    event('d');
    reads[1]!();
    await settle();
    expect(left).toEqual(['a', 'b', 'reply 1', 'c', 'reply 2']);
    reads[2]!();
    await settle();
    expect(left.at(-1)).toBe('d');
    expect(reads).toHaveLength(3);
  });

  it('keeps no timer for an event that is on disk', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    state.isFlushed = false;
    event('a');
    event('b');
    expect(vi.getTimerCount()).toBe(2);
    writeAll();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('holds a reply for a second, and the event for as long as it takes', async () => {
    state.isFresh = false;
    event('a');
    const heldAt = performance.now();
    reply(1);
    await expect.poll(() => left, { timeout: 5_000 }).toEqual(['reply 1']);
    expect(performance.now() - heldAt).toBeGreaterThan(900);
    readRights();
    await settle();
    expect(left).toEqual(['reply 1', 'a']);
  });
});
