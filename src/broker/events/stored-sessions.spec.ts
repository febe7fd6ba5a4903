import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Principal } from '../../auth/principal.js';
import type { Sessions } from '../../auth/sessions.js';
import type { UserRightsCache } from '../../directory/user-rights.js';
import { EventIndex, FilterSet, NOBODY } from '../../subscriptions/event-index.js';
import type { BrokerOptions } from '../broker.options.js';
import type { Connection } from '../connection.js';
import type { Connections } from '../connections.js';
import type { Publication } from '../outbox.js';
import type { TopicAccess } from '../topic-access.js';
import { SessionStorage } from './session-storage.js';
import { StoredSession } from './stored-session.js';
import { StoredSessions } from './stored-sessions.js';

const MAX_SESSIONS = 10_000;

/** May all, and reads nothing. */
let userId: number;
const access = {
  principalOf: () =>
    ({ userId, permissions: { ids: [] }, networkIds: null, deviceTypeIds: null }) as unknown as Principal,
  mayWatch: () => true,
} as unknown as TopicAccess;
let rightsAreFresh: (userId?: number) => boolean;
/** How often each user's rights are watched. */
const watched = new Map<number, number>();
const watch = (userId: number, times: number) => watched.set(userId, (watched.get(userId) ?? 0) + times);
const rights = {
  watch: (userId: number) => watch(userId, 1),
  unwatch: (userId: number) => watch(userId, -1),
  isFresh: (userId?: number) => rightsAreFresh(userId),
  refresh: () => new Promise(() => {}),
} as unknown as UserRightsCache;

let dataDir: string;
let index: EventIndex;
let sessions: StoredSessions;

async function open(): Promise<void> {
  index = new EventIndex();
  sessions = new StoredSessions(
    { dataDir } as BrokerOptions,
    index,
    access,
    rights,
    {} as Sessions,
    {} as Connections,
  );
  await sessions.open();
}

beforeEach(async () => {
  watched.clear();
  rightsAreFresh = () => true;
  userId = 1;
  dataDir = mkdtempSync(join(tmpdir(), 'devicehive-sessions-'));
  await open();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await sessions.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** A client with `clean=false` that has authenticated, and takes nothing unless told. */
function arrive(clientId: string, outbox: object = { hasRoom: false }, members: object = {}): Connection {
  const filters = new FilterSet(index, NOBODY, `@${clientId}`);
  const client = { id: clientId, clean: false };
  const connection = {
    id: clientId,
    client,
    filters,
    outbox,
    giveBackRestored: () => {},
    ...members,
  } as unknown as Connection;
  connection.filters.add('dh/command/#', 1);
  sessions.claim(connection);
  return connection;
}

/** Before any of it is written, which takes long. */
function forgetAll(): void {
  for (const { clientId } of sessions) sessions.forget(clientId);
}

function comeAndGo(clientId: string): void {
  const connection = arrive(clientId);
  sessions.of(clientId)!.detach(connection);
}

describe('StoredSessions', () => {
  it('send an event while it is delivered, before any reply, however old the rights are by now', () => {
    const published: Publication[] = [];
    arrive('here', { hasRoom: true, publish: (publication: Publication) => published.push(publication) });
    rightsAreFresh = () => false;
    sessions.of('here')!.receive({ topic: 'dh/command/1/1/x/y', payload: 'z' }, 1, '');
    expect(published).toMatchObject([{ topic: 'dh/command/1/1/x/y', payload: 'z', qos: 1, dup: undefined }]);
  });

  it('send what has waited once the rights of their own users are known, whoever else has just come', () => {
    for (userId of [1, 2]) {
      comeAndGo(`client-${userId}`);
      sessions
        .of(`client-${userId}`)!
        .receive({ topic: 'dh/command/1/1/x/y', payload: `for ${userId}` }, 1, '');
    }
    rightsAreFresh = (id) => id === 1;
    const published: unknown[] = [];
    const outbox = { hasRoom: true, publish: ({ payload }: Publication) => published.push(payload) };
    for (userId of [1, 2]) arrive(`client-${userId}`, outbox);
    expect(published).toEqual(['for 1']);
  });

  it('watch the rights of their owner once, whoever has come before, and of nobody else when a client cannot be served', () => {
    const broken = {
      get hasRoom(): boolean {
        throw new Error('broken');
      },
    };
    const giveBackRestored = () => {
      throw new Error('broken');
    };
    comeAndGo('x');
    expect(() => arrive('x', broken)).toThrow('broken');
    expect(watched).toEqual(new Map([[1, 1]]));
    userId = 2;
    expect(() => arrive('x', undefined, { giveBackRestored })).toThrow('broken');
    expect(watched).toEqual(new Map([[1, 1]]));
    arrive('x');
    expect(Object.fromEntries(watched)).toEqual({ 1: 0, 2: 1 });
    sessions.forget('x');
    expect(Object.fromEntries(watched)).toEqual({ 1: 0, 2: 0 });
  });

  it('are read at the next start without what is malformed, which is deleted with one warning', async () => {
    const warn = vi.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    comeAndGo('whole');
    sessions.of('whole')!.receive({ topic: 'dh/command/1/1/x/y', payload: 'z' }, 1, '');
    await sessions.close();

    const storage = new SessionStorage(dataDir);
    const whole = Object.fromEntries(await storage.open());
    const record = JSON.parse(whole['s!1']!) as { owner: object };
    const event = whole['e!1!0000000000000001']!;
    const malformed: Record<string, unknown> = {
      's!2': '{"clientId":"half',
      's!3': 'null',
      's!4': { ...record, clientId: 'a/b' },
      's!5': { ...record, owner: { ...record.owner, permissions: null } },
      's!6': { ...record, owner: { ...record.owner, networkIds: ['x'] } },
      's!7': { ...record, filters: [['dh/#']] },
      's!08': record,
      'e!1!0000000000000002': '[]',
      'e!1!0000000000000003': { topic: 1, payload: 'z', suffix: '' },
      'e!1!4': event,
      '!\n': 'x',
    };
    const orphaned = { 'e!2!0000000000000001': event, 'e!9!0000000000000001': event };
    for (const [key, value] of Object.entries({ ...malformed, ...orphaned })) {
      storage.set(key, () => (typeof value === 'string' ? value : JSON.stringify(value)));
    }
    await storage.close();

    await open();
    expect([...sessions].map(({ clientId }) => clientId)).toEqual(['whole']);
    const bytes = sessions.of('whole')!.bytes;
    expect(warn.mock.calls).toEqual([
      ['11 entries of stored sessions are malformed and deleted, "s!2" first'],
    ]);
    await sessions.close();
    await open();
    expect(sessions.of('whole')!.bytes).toBe(bytes);
    expect(warn).toHaveBeenCalledOnce();
    await sessions.close();
    const left = new SessionStorage(dataDir);
    expect(Object.fromEntries(await left.open())).toEqual(whole);
    await left.close();
  });

  it('of clients that come for the first time and leave for good write nothing where nothing was written yet', async () => {
    const batch = vi.spyOn(ClassicLevel.prototype, 'batch');
    comeAndGo('short');
    sessions.of('short')!.receive({ topic: 'dh/command/1/1/x/y', payload: 'z' }, 1, '');
    arrive('short');
    sessions.forget('short');
    await sessions.flushed();
    expect(batch).not.toHaveBeenCalled();
  });

  it('read at a start and over before anything else are gone at the next', async () => {
    comeAndGo('kept');
    await sessions.close();
    await open();
    comeAndGo('kept');
    sessions.forget('kept');
    await sessions.close();
    await open();
    expect([...sessions]).toEqual([]);
  });

  it('forget the one that was used longest ago where there are too many', () => {
    for (let n = 0; n < MAX_SESSIONS; n++) comeAndGo(`client-${n}`);
    comeAndGo('client-0');
    comeAndGo('one-more');
    expect([...sessions]).toHaveLength(MAX_SESSIONS);
    expect(sessions.of('client-0')).toBeDefined();
    expect(sessions.of('client-1')).toBeUndefined();
    expect(index.match('dh/command/1/1/x/y')).toHaveLength(MAX_SESSIONS);
  });

  it('forget none of a user who has few for one who has too many', () => {
    userId = 2;
    for (const clientId of ['quiet-0', 'quiet-1']) comeAndGo(clientId);
    userId = 1;
    for (let n = 0; n < MAX_SESSIONS; n++) comeAndGo(`greedy-${n}`);
    userId = 3;
    comeAndGo('new');
    const kept = ['quiet-0', 'quiet-1', 'greedy-0', 'greedy-1', 'greedy-2', 'greedy-3', 'new'].filter(
      (clientId) => sessions.of(clientId),
    );
    expect(kept).toEqual(['quiet-0', 'quiet-1', 'greedy-3', 'new']);
  });

  it('forget none whose client is here, and count none: connections that come and stay cost nobody a session', () => {
    userId = 2;
    comeAndGo('quiet');
    userId = 1;
    for (let n = 0; n <= MAX_SESSIONS; n++) arrive(`here-${n}`);
    expect(sessions.of('quiet')).toBeDefined();
  });

  it('forget none whose client is here', () => {
    const here = arrive('here');
    for (let n = 0; n < MAX_SESSIONS; n++) comeAndGo(`client-${n}`);
    expect([...here.filters]).toEqual([['dh/command/#', 1]]);
    expect(sessions.of('here')).toBe(here.session);
  });

  it.each([
    ['was away', () => comeAndGo('slow')],
    ['was here and did not acknowledge', () => void arrive('slow')],
  ])('tell once of the events that were too many for a client that %s', (_, begin) => {
    const warn = vi.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    begin();
    const session = sessions.of('slow')!;
    for (let n = 0; n < 20_003; n++) session.receive({ topic: 'dh/command/1/1/x/y', payload: '' }, 1, '');
    const connection = arrive('slow');
    sessions.claim(connection);
    session.detach(connection);
    arrive('slow');
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/"slow" has missed 3 events/)]]);
  });

  it('of a user who has most give way where all together have too much, and no others', () => {
    userId = 2;
    arrive('quiet');
    const event = { topic: 'dh/command/1/1/x/y', payload: 'x'.repeat(1_048_576) };
    sessions.of('quiet')!.receive(event, 1, '');
    userId = 1;
    const greedy = Array.from({ length: 13 }, (_, n) => `greedy-${n}`);
    for (const clientId of greedy) {
      arrive(clientId);
      for (let n = 0; n < 12; n++) sessions.of(clientId)!.receive(event, 1, '');
    }
    const kept = (clientId: string) => sessions.of(clientId)!.bytes / event.payload.length;
    expect(kept('quiet')).toBeGreaterThan(1);
    expect(sessions.of('quiet')!.takeMissed()).toBe(0);
    const total = greedy.reduce((sum, clientId) => sum + kept(clientId), 0);
    expect(total).toBeLessThan(128);
    expect(total).toBeGreaterThan(100);
    forgetAll();
  });

  it('of many users who have the same give way alike, and an event costs no look at all of them', () => {
    const clientIds = Array.from({ length: 1_000 }, (_, n) => `client-${n}`);
    for (const [n, clientId] of clientIds.entries()) {
      userId = n;
      comeAndGo(clientId);
    }
    const event = { topic: 'dh/command/1/1/x/y', payload: 'x'.repeat(10_000) };
    const looks = vi.spyOn(StoredSession.prototype, 'bytes', 'get');
    for (let n = 0; n < 20; n++) {
      for (const clientId of clientIds) sessions.of(clientId)!.receive(event, 1, '');
    }
    expect(looks.mock.calls.length / (20 * clientIds.length)).toBeLessThan(5);
    const kept = clientIds.map((clientId) => sessions.of(clientId)!.bytes / event.payload.length);
    expect(Math.min(...kept)).toBeGreaterThan(12);
    expect(Math.max(...kept)).toBeLessThan(15);
    forgetAll();
  });

  it('give way to what others keep, not to what is on its way to their clients', () => {
    userId = 2;
    comeAndGo('quiet');
    const event = { topic: 'dh/command/1/1/x/y', payload: 'x'.repeat(1_048_576) };
    for (let n = 0; n < 5; n++) sessions.of('quiet')!.receive(event, 1, '');
    userId = 1;
    const here = Array.from({ length: 200 }, (_, n) => `here-${n}`);
    for (const clientId of here) {
      arrive(clientId, { hasRoom: true, publish: () => {} });
      sessions.of(clientId)!.receive(event, 1, '');
    }
    comeAndGo('away');
    for (let n = 0; n < 12; n++) sessions.of('away')!.receive(event, 1, '');
    for (const clientId of ['quiet', ...here, 'away']) expect(sessions.of(clientId)!.takeMissed()).toBe(0);
    forgetAll();
  });
});
