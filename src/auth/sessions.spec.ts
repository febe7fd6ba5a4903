import 'reflect-metadata';
import { beforeEach, describe, expect, it } from 'vitest';
import type { UserRightsCache } from '../directory/user-rights.js';
import { PermissionSet } from '../protocol/permissions.js';
import type { Principal } from './principal.js';
import { Sessions } from './sessions.js';

const principal = (userId: number): Principal => ({
  userId,
  permissions: new PermissionSet([0]),
  networkIds: null,
  deviceTypeIds: null,
  limited: false,
  generation: 0,
  expiresAt: Infinity,
});

describe('Sessions', () => {
  let sessions: Sessions;
  let watching: number[];
  beforeEach(() => {
    watching = [];
    sessions = new Sessions({
      watch: (id: number) => watching.push(id),
      unwatch: (id: number) => watching.splice(watching.indexOf(id), 1),
    } as unknown as UserRightsCache);
    sessions.open('first', '192.0.2.1');
  });

  it('knows nobody on a connection until it authenticates', () => {
    expect(sessions.principalOf('first')).toBeUndefined();
    expect(sessions.peerOf('first')).toMatchObject({ address: '192.0.2.1', signal: { aborted: false } });
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
    expect(sessions.peerOf('first')).toBeUndefined();
    expect(watching).toEqual([]);
  });

  it('ends the signal of a connection that is closed, so that what waits for it is given up', () => {
    const { signal } = sessions.peerOf('first')!;
    sessions.close('first');
    expect(signal?.reason).toMatchObject({ code: 503, message: 'The connection has ended' });
  });

  it('warns of nothing if many logins of a connection listen for its end', async () => {
    const warnings: Error[] = [];
    const keep = (warning: Error) => void warnings.push(warning);
    process.on('warning', keep);
    const { signal } = sessions.peerOf('first')!;
    for (let i = 0; i < 64; i++) signal!.addEventListener('abort', () => undefined);
    await new Promise(setImmediate);
    process.off('warning', keep);
    expect(warnings).toEqual([]);
  });

  it('has the rights of each authenticated user read, and no longer than needed', () => {
    for (const id of ['second', 'anonymous']) sessions.open(id, '192.0.2.2');
    sessions.authenticate('first', principal(1));
    sessions.authenticate('second', principal(2));
    sessions.authenticate('gone', principal(3));
    expect(watching).toEqual([1, 2]);
    sessions.authenticate('first', principal(4));
    sessions.close('second');
    sessions.close('anonymous');
    expect(watching).toEqual([4]);
  });

  it('tells of authentications, but not of those of connections that are gone', () => {
    const told: string[] = [];
    sessions.onAuthenticated = (connectionId) => told.push(connectionId);
    sessions.authenticate('first', principal(1));
    sessions.authenticate('gone', principal(2));
    expect(told).toEqual(['first']);
  });
});
