import { describe, expect, it } from 'vitest';
import { codeOf } from './client-error.js';
import type { EventSelection } from './device-events.js';
import { filtersOf } from './event-filters.js';

const filters = (selection: unknown) => filtersOf('command', selection as EventSelection);

describe('filtersOf', () => {
  it.each<[unknown, string[]]>([
    [{}, ['dh/command/+/+/+/#']],
    [{ deviceId: null, networkIds: null, names: [] }, ['dh/command/+/+/+/#']],
    [
      { deviceId: 'a/+', names: ['x/1', '#', ''] },
      ['x/1', '%23', ''].map((n) => `dh/command/+/+/a%2F%2B/${n}`),
    ],
    [
      { networkIds: [1, 2, 1], deviceTypeIds: [3], names: ['x'] },
      ['dh/command/1/3/+/x', 'dh/command/2/3/+/x'],
    ],
    [{ names: ['/'.repeat(63)] }, [`dh/command/+/+/+/${'/'.repeat(63)}`]],
  ])('makes of %j what it selects', (selection, expected) => expect(filters(selection)).toEqual(expected));

  const many = Array.from({ length: 101 }, (_, i) => i);
  it.each<[string, unknown, RegExp]>([
    ['no object', null, /selection/],
    ['a list', [], /selection/],
    ['a device id that is no text', { deviceId: 5 }, /deviceId/],
    ['a device id too long for MQTT', { deviceId: 'x'.repeat(65_520) }, /deviceId/],
    ['a device id that is too long as it is written', { deviceId: '%'.repeat(22_000) }, /deviceId/],
    ['a name of 65 levels', { names: ['/'.repeat(64)] }, /names/],
    ['a name of 129 characters', { names: ['x'.repeat(129)] }, /names/],
    ['names that are no list', { names: 'x' }, /names/],
    ['a name that is no text', { names: [5] }, /names/],
    ['a wildcard instead of an id', { networkIds: ['#'] }, /networkIds/],
    ['a number as text', { networkIds: ['1'] }, /networkIds/],
    ['a fraction', { deviceTypeIds: [1.5] }, /deviceTypeIds/],
    ['a number that is written with a +', { deviceTypeIds: [1e21] }, /deviceTypeIds/],
    ['too many combinations', { networkIds: many, deviceTypeIds: many }, /combinations/],
  ])('refuses %s', (_, selection, text) => {
    let error: unknown;
    try {
      filters(selection);
    } catch (thrown) {
      error = thrown;
    }
    expect(codeOf(error)).toBe(400);
    expect((error as Error).message).toMatch(text);
  });
});
