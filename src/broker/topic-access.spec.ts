import 'reflect-metadata';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Principal } from '../auth/principal.js';
import { Sessions } from '../auth/sessions.js';
import type { UserRights } from '../directory/access-scope.js';
import type { UserRightsCache } from '../directory/user-rights.js';
import { PermissionSet } from '../protocol/permissions.js';
import type { BrokerOptions } from './broker.options.js';
import type { Connection } from './connection.js';
import { TopicAccess } from './topic-access.js';

const EVENT = 'dh/command/1/2/device/on';
const inAnHour = () => Date.now() + 3_600_000;

/** Rights as the cache gives them. */
class FakeRights {
  constructor(private readonly rights: Record<number, UserRights>) {}

  of(userId: number): UserRights | undefined {
    return this.rights[userId];
  }
}

function principal(changes: Partial<Principal> & { ids?: number[] } = {}): Principal {
  const { ids = [0], ...rest } = changes;
  return {
    userId: 7,
    permissions: new PermissionSet(ids),
    networkIds: null,
    deviceTypeIds: null,
    limited: false,
    generation: 0,
    expiresAt: inAnHour(),
    ...rest,
  };
}

describe('TopicAccess', () => {
  let sessions: Sessions;
  let rights: FakeRights;
  let options: BrokerOptions;
  let access: TopicAccess;

  beforeEach(() => {
    const nobodyWatches = { watch: () => {}, unwatch: () => {} };
    sessions = new Sessions(nobodyWatches as unknown as UserRightsCache);
    rights = new FakeRights({ 7: { networkIds: null, deviceTypeIds: null, generation: 0 } });
    options = { ordinaryTopics: 'authenticated' } as BrokerOptions;
    access = new TopicAccess(options, sessions, rights as unknown as UserRightsCache);
  });

  function connect(clientId: string, who?: Principal): Connection {
    const id = `connection of ${clientId}`;
    sessions.open(id, '192.0.2.1');
    if (who) sessions.authenticate(id, who);
    return { id, client: { id: clientId } } as unknown as Connection;
  }
  const setRights = (of7?: UserRights) => {
    rights = new FakeRights(of7 ? { 7: of7 } : {});
    access = new TopicAccess(options, sessions, rights as unknown as UserRightsCache);
  };

  it.each([
    ['dh/request', true],
    ['dh/request/anything', true],
    ['dh/requests', false],
    ['dh', false],
  ])('isRequest(%s) is %s', (topic, is) => expect(access.isRequest(topic)).toBe(is));

  describe('mayPublish', () => {
    it.each([
      'dh',
      'dh/',
      'dh/command/1/2/device/on',
      'dh/command_update/1/2/device/on',
      'dh/notification/1/2/device/on',
      'dh/response/command/update@me',
      'dh/reply/connection/1/dh/response/a@me',
      '$SYS/a',
      '$share/group/topic',
      '$dropped',
    ])('keeps %s for the service', (topic) => {
      expect(access.mayPublish(connect('me', principal()), topic)).toBe(false);
    });
  });

  describe.each(['mayPublish', 'maySubscribe', 'mayReceive'] as const)('%s, below no dh/', (method) => {
    const ask = (connection: Connection) => access[method](connection, 'home/light', false);

    it.each([
      ['anyone', true, true, true],
      ['authenticated', false, true, false],
      ['nobody', false, false, false],
    ] as const)('is for %s', (ordinaryTopics, anonymous, authenticated, expired) => {
      options.ordinaryTopics = ordinaryTopics;
      expect(ask(connect('a'))).toBe(anonymous);
      expect(ask(connect('b', principal({ ids: [] })))).toBe(authenticated);
      expect(ask(connect('c', principal({ expiresAt: Date.now() })))).toBe(expired);
    });
  });

  describe('maySubscribe', () => {
    const mine = [
      'dh/response/authenticate@me',
      'dh/response/command/update@me',
      'dh/response/@me',
      'dh/response/+/+@me',
    ];

    it.each([...mine, 'dh/response/#'])('grants %s to anybody who is me', (filter) => {
      expect(access.maySubscribe(connect('me'), filter, false)).toBe(true);
    });

    it.each([...mine, 'dh/response', 'dh/response/', 'dh/response/+/+', 'dh/response/token@x@me'])(
      'refuses %s to others',
      (filter) => expect(access.maySubscribe(connect('x', principal()), filter, false)).toBe(false),
    );

    it.each([
      ['b', 'a@b'],
      ['a@b', 'b'],
      ['b@a', 'a'],
    ])('keeps the replies of %s from %s', (owner, other) => {
      const filter = `dh/response/command/update@${owner}`;
      expect(access.maySubscribe(connect(owner), filter, false)).toBe(true);
      expect(access.maySubscribe(connect(other, principal()), filter, false)).toBe(false);
    });

    it.each([
      'dh/request',
      'dh/request/#',
      'dh/request/+/+/+',
      '$SYS/#',
      '$share/g/dh/command/#',
      '$dropped',
    ])('refuses %s to everybody', (filter) => {
      options.ordinaryTopics = 'anyone';
      expect(access.maySubscribe(connect('me', principal()), filter, false)).toBe(false);
      expect(access.maySubscribe(connect('me'), filter, true)).toBe(false);
    });

    it.each([EVENT, 'dh/command/#', 'dh/command_update/1/+/#', 'dh/notification', 'dh/+/1/#', 'dh/#', 'dh'])(
      'grants %s to who is authenticated',
      (filter) => {
        expect(access.maySubscribe(connect('a'), filter, false)).toBe(false);
        expect(access.maySubscribe(connect('b', principal({ expiresAt: Date.now() })), filter, false)).toBe(
          false,
        );
        expect(access.maySubscribe(connect('c', principal({ ids: [] })), filter, false)).toBe(true);
      },
    );

    it('grants an event filter with @ to its client alone', () => {
      expect(access.maySubscribe(connect('me', principal()), `${EVENT}@me`, false)).toBe(true);
      expect(access.maySubscribe(connect('x', principal()), `${EVENT}@me`, false)).toBe(false);
    });

    it('restores the filters of a client that cannot have authenticated yet, but no forbidden ones', () => {
      const connection = connect('me');
      expect(access.maySubscribe(connection, 'dh/command/#', true)).toBe(true);
      expect(access.maySubscribe(connection, `${EVENT}@x`, true)).toBe(false);
      expect(access.maySubscribe(connection, 'dh/#', true)).toBe(true);
      expect(access.maySubscribe(connection, 'dh/request', true)).toBe(false);
      expect(access.maySubscribe(connection, 'home/#', true)).toBe(true);
    });
  });

  describe('mayWatch', () => {
    const receives = (who?: Principal, topic = EVENT) => {
      const current = access.principalOf(connect('me', who));
      return current !== undefined && access.mayWatch(current, topic);
    };

    it('delivers an event to who may see the device and read its commands', () => {
      expect(receives(principal({ ids: [5] }))).toBe(true);
      expect(receives(principal({ ids: [5], networkIds: [1], deviceTypeIds: [2] }))).toBe(true);
    });

    it.each([
      ['is not authenticated', undefined],
      ['has expired', principal({ expiresAt: Date.now() })],
      ['may not read commands', principal({ ids: [4, 7, 8] })],
      ['may do nothing', principal({ ids: [] })],
      ['shows a token for other networks', principal({ networkIds: [2] })],
      ['shows a token for no network', principal({ networkIds: [] })],
      ['shows a token for other device types', principal({ deviceTypeIds: [1] })],
      ['is a user without known rights', principal({ userId: 8 })],
    ])('keeps it from a client that %s', (_, who) => expect(receives(who)).toBe(false));

    it.each<[string, UserRights | undefined, boolean]>([
      ['are unknown', undefined, false],
      ['are for other networks', { networkIds: [2], deviceTypeIds: null, generation: 0 }, false],
      ['are for other device types', { networkIds: null, deviceTypeIds: [1], generation: 0 }, false],
      ['are of a later generation', { networkIds: null, deviceTypeIds: null, generation: 1 }, false],
      ['are for this network and type', { networkIds: [1], deviceTypeIds: [2], generation: 0 }, true],
    ])("follows the user's rights of now: they %s", (_, now, may) => {
      setRights(now);
      expect(receives(principal())).toBe(may);
    });

    it.each([
      ['dh/command_update/1/2/device/on', 5, true],
      ['dh/command_update/1/2/device/on', 4, false],
      ['dh/notification/1/2/device/on', 4, true],
      ['dh/notification/1/2/device/on', 5, false],
    ])('delivers %s with permission %i: %s', (topic, id, may) => {
      expect(receives(principal({ ids: [id] }), topic)).toBe(may);
    });

    it.each(['dh/response/command/update@me', 'dh/request', 'dh/command', '$SYS/a', '$dropped'])(
      'delivers nothing on %s',
      (topic) => {
        options.ordinaryTopics = 'anyone';
        expect(receives(principal(), topic)).toBe(false);
        expect(access.mayReceive(connect('me', principal()), topic)).toBe(false);
      },
    );
  });
});
