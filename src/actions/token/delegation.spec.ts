import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import type { Principal } from '../../auth/principal.js';
import { Role, type User } from '../../directory/entities.js';
import { CLIENT_PERMISSION_IDS, PermissionSet } from '../../protocol/permissions.js';
import { bothLimits, delegablePermissions, takeIds, takePermissions } from './delegation.js';

const user = (id: number, role: Role) => ({ id, role }) as User;
const admin = user(1, Role.Admin);
const client = user(2, Role.Client);
const caller = (...ids: number[]) => ({ permissions: new PermissionSet(ids) }) as Principal;
const wanted = (...ids: number[]) => ({ all: false, ids });
const all = { all: true, ids: [] };
const denied = expect.objectContaining({ code: 403, message: 'Access is denied' }) as Error;

describe('delegablePermissions', () => {
  it.each([
    ['an unlimited administrator, to itself', caller(0), admin, admin, [0]],
    ['an unlimited administrator, to another', caller(0), admin, user(3, Role.Admin), [0]],
    ['an unlimited administrator, to a client', caller(0), admin, client, CLIENT_PERMISSION_IDS],
    ['a narrowed administrator, to itself', caller(15, 8, 12), admin, admin, [15, 8, 12]],
    ['a narrowed administrator, to a client', caller(15, 8, 12), admin, client, [8, 15]],
    ['a client, to itself', caller(...CLIENT_PERMISSION_IDS), client, client, CLIENT_PERMISSION_IDS],
    ['a narrowed client', caller(15, 5), client, client, [5, 15]],
    [
      'a client with a token from when it was an administrator',
      caller(0),
      client,
      client,
      CLIENT_PERMISSION_IDS,
    ],
  ])('are those of %s', (_, principal, own, target, expected) => {
    expect(delegablePermissions(principal, own, target)).toEqual(expected);
  });

  it.each([10, 11, 16])('leave out %i of another user, without ManageUser', (id) => {
    expect(delegablePermissions(caller(15, id), admin, user(3, Role.Admin))).toEqual([15]);
    expect(delegablePermissions(caller(15, 12, id), admin, user(3, Role.Admin))).toEqual([15, 12, id]);
    expect(delegablePermissions(caller(15, 12, id), admin, client)).toEqual(
      [id, 15].toSorted((a, b) => a - b),
    );
  });

  it('are none of another user for a client', () => {
    expect(() => delegablePermissions(caller(0), client, user(3, Role.Client))).toThrow(denied);
    expect(() => delegablePermissions(caller(0), client, admin)).toThrow(denied);
  });
});

describe('takePermissions', () => {
  it.each([
    ['* of all', all, [0], [0]],
    ['* of some', all, [8, 15], [8, 15]],
    ['some of all', wanted(12, 8), [0], [12, 8]],
    ['some of some', wanted(8), [8, 15], [8]],
    ['none', wanted(), [8], []],
    ['* and one that is there', { all: true, ids: [8] }, [8, 15], [8, 15]],
  ])('takes %s', (_, request, delegable, expected) => {
    expect(takePermissions(request, delegable)).toEqual(expected);
  });

  it.each([
    ['one beyond', wanted(8, 12)],
    ['one beyond beside *', { all: true, ids: [12] }],
  ])('refuses %s', (_, request) => expect(() => takePermissions(request, [8, 15])).toThrow(denied));
});

describe('takeIds', () => {
  it.each([
    ['* without a limit', all, null, null],
    ['* of a limit', all, [1, 2], [1, 2]],
    ['* of nothing', all, [], []],
    ['an id without a limit', wanted(7), null, [7]],
    ['an id within', wanted(2), [1, 2], [2]],
  ])('takes %s', (_, request, limit, expected) => expect(takeIds(request, limit)).toEqual(expected));

  it('refuses an id beyond the limit, beside * too', () => {
    expect(() => takeIds(wanted(3), [1, 2])).toThrow(denied);
    expect(() => takeIds({ all: true, ids: [3] }, [1, 2])).toThrow(denied);
  });
});

describe('bothLimits', () => {
  it.each([
    [null, null, null],
    [null, [1], [1]],
    [[1], null, [1]],
    [[1, 2], [2, 3], [2]],
    [[1], [], []],
  ])('of %j and %j is %j', (one, other, expected) => expect(bothLimits(one, other)).toEqual(expected));
});
