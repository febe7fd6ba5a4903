import 'reflect-metadata';
import { beforeEach, describe, expect, it } from 'vitest';
import { PermissionSet } from '../protocol/permissions.js';
import type { Principal } from './principal.js';
import { Sessions } from './sessions.js';

const principal = (userId: number): Principal => ({
  userId,
  permissions: new PermissionSet([0]),
  networkIds: null,
  deviceTypeIds: null,
  limited: false,
  expiresAt: Infinity,
});

describe('Sessions', () => {
  let sessions: Sessions;
  beforeEach(() => {
    sessions = new Sessions();
    sessions.open('first', '192.0.2.1');
  });

  it('knows nobody on a connection until it authenticates', () => {
    expect(sessions.principalOf('first')).toBeUndefined();
    expect(sessions.addressOf('first')).toBe('192.0.2.1');
    sessions.authenticate('first', principal(1));
    expect(sessions.principalOf('first')).toEqual(principal(1));
  });

  it('replaces the principal when the connection authenticates again', () => {
    sessions.authenticate('first', principal(1));
    sessions.authenticate('first', principal(2));
    expect(sessions.principalOf('first')?.userId).toBe(2);
  });

  it('hands nothing on to another connection', () => {
    sessions.authenticate('first', principal(1));
    sessions.open('second', '192.0.2.1');
    expect(sessions.principalOf('second')).toBeUndefined();
  });

  it('forgets a connection that is closed, and authenticates it no more', () => {
    sessions.authenticate('first', principal(1));
    sessions.close('first');
    sessions.authenticate('first', principal(1));
    expect(sessions.principalOf('first')).toBeUndefined();
    expect(sessions.addressOf('first')).toBeUndefined();
    expect(sessions.userIds()).toEqual([]);
  });

  it('lists each authenticated user once', () => {
    for (const id of ['second', 'third', 'anonymous']) sessions.open(id, '192.0.2.2');
    sessions.authenticate('first', principal(1));
    sessions.authenticate('second', principal(1));
    sessions.authenticate('third', principal(2));
    expect(sessions.userIds()).toEqual([1, 2]);
  });

  it('counts authentications, but not those of connections that are gone', () => {
    sessions.authenticate('first', principal(1));
    sessions.authenticate('first', principal(1));
    sessions.authenticate('gone', principal(2));
    expect(sessions.authentications).toBe(2);
  });
});
