import 'reflect-metadata';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { PERMISSION_IDS, type Permission } from '../protocol/permissions.js';
import { ACCESS, REFRESH, toClaims, toPrincipal } from './token-payload.js';

const valid = { u: 1, a: [8], n: ['*'], dt: ['*'], e: 1_518_103_590_123, t: ACCESS };
const read = (claims: object) => toPrincipal({ ...valid, ...claims }, ACCESS);
const permissionsOf = (claims: object) => {
  const { permissions } = read(claims);
  return (Object.keys(PERMISSION_IDS) as Permission[]).filter((permission) => permissions.has(permission));
};

describe('toPrincipal', () => {
  it('gives user, expiry and no limits for a token of everything', () => {
    expect(read({})).toMatchObject({
      userId: 1,
      expiresAt: 1_518_103_590_123,
      networkIds: null,
      deviceTypeIds: null,
      limited: false,
      generation: 0,
    });
  });

  it.each([
    ['lists', { a: [8, 5] }, ['GetDeviceCommand', 'UpdateDeviceCommand']],
    ['is empty', { a: [] }, []],
    ['is absent', { a: undefined }, []],
    ['is null', { a: null }, []],
    ['says none', { a: [1] }, []],
  ])('grants what a %s', (_, claims, permissions) => expect(permissionsOf(claims)).toEqual(permissions));

  it('grants everything for id 0', () => {
    expect(permissionsOf({ a: [0] })).toHaveLength(Object.keys(PERMISSION_IDS).length);
  });

  it.each([
    ['n absent is no network', { n: undefined }, [], null, true],
    ['n empty is no network', { n: [] }, [], null, true],
    ['n lists networks', { n: ['1', '22'] }, [1, 22], null, true],
    ['n with * among others is all', { n: ['1', '*'] }, null, null, false],
    ['dt absent is all types', { dt: undefined }, null, null, false],
    ['dt narrows', { dt: ['3'] }, null, [3], true],
    ['dt empty is no type', { dt: [] }, null, [], true],
    ['both narrow', { n: ['1'], dt: ['3'] }, [1], [3], true],
    ['ids may be numbers', { n: [1], dt: [3] }, [1], [3], true],
    ['ids have up to 15 digits', { n: ['0', '123456789012345'] }, [0, 123_456_789_012_345], null, true],
  ])('%s', (_, claims, networkIds, deviceTypeIds, limited) => {
    expect(read(claims)).toMatchObject({ networkIds, deviceTypeIds, limited });
  });

  it.each([
    ['a refresh token', { t: REFRESH }],
    ['no t', { t: undefined }],
    ['t as text', { t: '1' }],
    ['no e', { e: undefined }],
    ['e as text', { e: '1518103590123' }],
    ['no u', { u: undefined }],
    ["a plugin's token", { u: undefined, tpc: 'plugin_topic_1' }],
    ['u as text', { u: '1' }],
    ['an unknown permission id', { a: [8, 19] }],
    ['a negative permission id', { a: [-1] }],
    ['the permission id -0', { a: [-0] }],
    ['a permission of DeviceHive by name', { a: ['UpdateDeviceCommand'] }],
    ['a permission that is no name', { a: ['*'] }],
    ['a number as text', { a: ['8'] }],
    ['a that is no list', { a: 0 }],
    ['n that is no list', { n: '*' }],
    ['n of something else', { n: ['1; DROP'] }],
    ['n of null', { n: [null] }],
    ['dt of a fraction', { dt: ['1.5'] }],
    ...['n', 'dt'].flatMap((limit) =>
      [
        ['*'],
        ['1'],
        [],
        {},
        true,
        '',
        ' 1',
        '1\n',
        '-1',
        '-0',
        '+1',
        '01',
        '1e3',
        '0x1',
        '1.0',
        -1,
        1.5,
        2 ** 53,
      ]
        .concat([-0, NaN, '1234567890123456', '**', '１'] as never[])
        .map((id): [string, object] => [`${limit} of ${inspect(id)}`, { [limit]: [id] }]),
    ),
  ])('refuses %s', (_, claims) => {
    expect(() => read(claims)).toThrow(
      expect.objectContaining({ code: 401, message: 'Invalid credentials' }),
    );
  });

  it.each([undefined, null, 'text', 5])('refuses the payload %s', (payload) => {
    expect(() => toPrincipal(payload, ACCESS)).toThrow('Invalid credentials');
  });

  it('counts a token without a generation as of the first', () => {
    expect(toPrincipal(valid, ACCESS).generation).toBe(0);
    expect(toPrincipal({ ...valid, g: 3 }, ACCESS).generation).toBe(3);
  });

  it.each([null, '1', 1.5, 2 ** 31, {}])('refuses the generation %j', (g) => {
    expect(() => toPrincipal({ ...valid, g }, ACCESS)).toThrow('Invalid credentials');
  });

  it('takes a refresh token where one is asked for', () => {
    expect(toPrincipal({ ...valid, t: REFRESH }, REFRESH).userId).toBe(1);
    expect(() => toPrincipal(valid, REFRESH)).toThrow('Invalid credentials');
  });
});

describe('toClaims', () => {
  it('writes all as * and ids as text', () => {
    expect(toClaims({ userId: 1, networkIds: null, deviceTypeIds: [3], generation: 2 }, [0])).toEqual({
      a: [0],
      u: 1,
      n: ['*'],
      dt: ['3'],
      g: 2,
    });
  });

  it('writes no permission as 1', () => {
    expect(toClaims({ userId: 1, networkIds: [], deviceTypeIds: [], generation: 0 }, [])).toMatchObject({
      a: [1],
      n: [],
      dt: [],
    });
  });
});
