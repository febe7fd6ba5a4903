import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { ActionValidationPipe } from '../../transport/action-validation.pipe.js';
import { CreateTokenDto, RefreshTokenDto } from './create-token.dto.js';

const pipe = new ActionValidationPipe();
const read = async (metatype: typeof CreateTokenDto | typeof RefreshTokenDto, body: object) =>
  pipe.transform(body, { type: 'body', metatype, data: undefined });
const payload = async (members: object) =>
  ((await read(CreateTokenDto, { payload: { userId: 1, ...members } })) as CreateTokenDto).payload;

const INVALID = 'Missing or invalid payload in request';
const MALFORMED = 'Malformed Json received.';

describe('CreateTokenDto', () => {
  it.each([
    ['names', ['GetDevice', 'UpdateDeviceCommand'], false, [3, 8]],
    ['names in any case', ['getdevice', 'UPDATEDEVICECOMMAND'], false, [3, 8]],
    ['ids', [3, 8], false, [3, 8]],
    ['ids as text', ['3', '8'], false, [3, 8]],
    ['repeats', [8, '8', 'UpdateDeviceCommand', '08'], false, [8]],
    ['*', ['*'], true, []],
    ['0', [0], true, []],
    ['0 as text', ['0'], true, []],
    ['* among others', [8, '*'], true, [8]],
    ['1, which is none', [1, '1'], false, []],
    ['nothing', [], false, []],
  ])('reads actions by %s', async (_, actions, all, ids) => {
    expect((await payload({ actions })).actions).toEqual({ all, ids });
  });

  it.each([
    ['ids', [1, 22], false, [1, 22]],
    ['ids as text', ['1', '22'], false, [1, 22]],
    ['repeats', ['1', 1, '01'], false, [1]],
    ['*', ['*'], true, []],
    ['* among others', ['1', '*'], true, [1]],
    ['nothing', [], false, []],
  ])('reads networks and device types by %s', async (_, list, all, ids) => {
    const read = await payload({ networkIds: list, deviceTypeIds: list });
    expect(read.networkIds).toEqual({ all, ids });
    expect(read.deviceTypeIds).toEqual({ all, ids });
  });

  it('reads timestamps, and keeps what is absent absent', async () => {
    const read = await payload({
      expiration: 1_518_103_590_123,
      refreshExpiration: '2018-02-08T15:26:30.123',
    });
    expect(read.expiration).toEqual(new Date(1_518_103_590_123));
    expect(read.refreshExpiration).toEqual(new Date('2018-02-08T15:26:30.123Z'));
    expect(await payload({ actions: null, expiration: '' })).toMatchObject({
      actions: null,
      expiration: null,
    });
    expect(await payload({})).not.toHaveProperty('networkIds', expect.anything());
  });

  it.each<[string, object, string]>([
    ['no payload', {}, INVALID],
    ['a payload of null', { payload: null }, INVALID],
    ['a list', { payload: [] }, INVALID],
    ['text', { payload: 'x' }, INVALID],
    ['no user', { payload: {} }, INVALID],
    ['a user of null', { payload: { userId: null } }, INVALID],
    ['a user by name', { payload: { userId: 'dhadmin' } }, INVALID],
  ])('refuses %s', async (_, body, message) => {
    await expect(read(CreateTokenDto, body)).rejects.toMatchObject({ code: 400, message });
  });

  it.each<[string, object, string]>([
    ['an unknown action', { actions: ['GetDevice', 'Fly away'] }, 'Unknown action: Fly away'],
    ['an action by a name of every object', { actions: ['__proto__'] }, 'Unknown action: __proto__'],
    ['an unknown id', { actions: [19] }, 'Unknown action: 19'],
    ['a negative id', { actions: [-1] }, 'Unknown action: -1'],
    ['a fraction', { actions: [1.5] }, 'Unknown action: 1.5'],
    ['a long name in part', { actions: ['x'.repeat(1_000)] }, `Unknown action: ${'x'.repeat(128)}`],
    ['an action of null', { actions: [null] }, MALFORMED],
    ['an action of -0', { actions: [-0] }, MALFORMED],
    ['a network of -0', { networkIds: [-0] }, MALFORMED],
    ['an action in a list', { actions: [[8]] }, MALFORMED],
    ['actions that are no list', { actions: '*' }, MALFORMED],
    ['a negative network', { networkIds: [-1] }, MALFORMED],
    ['a negative network as text', { networkIds: ['-1'] }, MALFORMED],
    ['a fraction of a network', { networkIds: [1.5] }, MALFORMED],
    ['a network by name', { networkIds: ['home'] }, MALFORMED],
    ['a network of null', { networkIds: [null] }, MALFORMED],
    ['a network beyond what a token may carry', { networkIds: [1e15] }, MALFORMED],
    ['a network in a list', { networkIds: [['1']] }, MALFORMED],
    ['networks that are no list', { networkIds: { 0: 1 } }, MALFORMED],
    ['device types that are no list', { deviceTypeIds: '*' }, MALFORMED],
    ['an expiration that is no time', { expiration: 'tomorrow' }, MALFORMED],
  ])('refuses %s', async (_, members, message) => {
    await expect(payload(members)).rejects.toMatchObject({ code: 400, message });
  });
});

describe('RefreshTokenDto', () => {
  it.each([{}, { refreshToken: null }, { refreshToken: '' }, { refreshToken: {} }])(
    'refuses %j',
    async (body) => {
      await expect(read(RefreshTokenDto, body)).rejects.toMatchObject({ code: 400, message: INVALID });
    },
  );
});
