import { describe, expect, it } from 'vitest';
import { CLIENT_PERMISSION_IDS, type Permission, PERMISSION_IDS, PermissionSet } from './permissions.js';

const all = Object.keys(PERMISSION_IDS) as Permission[];
const granted = (ids: number[]) => all.filter((permission) => new PermissionSet(ids).has(permission));

describe('PermissionSet', () => {
  it.each(Object.entries(PERMISSION_IDS))('grants %s for id %i and nothing else', (permission, id) => {
    expect(granted([id])).toEqual([permission]);
  });

  it('grants everything for id 0', () => expect(granted([0])).toEqual(all));

  it.each([[[]], [[1]], [[19]]])('grants nothing for %j', (ids) => expect(granted(ids)).toEqual([]));
});

it('keeps the four permissions of administrators from clients', () => {
  const clients = granted([...CLIENT_PERMISSION_IDS]);
  expect(all.filter((permission) => !clients.includes(permission))).toEqual([
    'ManageUser',
    'ManageConfiguration',
    'ManageNetwork',
    'ManageDeviceType',
  ]);
});

it('knows the id of updating a command', () => expect(PERMISSION_IDS.UpdateDeviceCommand).toBe(8));
