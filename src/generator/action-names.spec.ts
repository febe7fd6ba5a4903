import { describe, expect, it } from 'vitest';
import { namesOf } from './action-names.js';

describe('the names of an action', () => {
  it('follow from its resource and its verb', () => {
    expect(namesOf('reboot/schedule')).toEqual({
      action: 'reboot/schedule',
      resource: 'reboot',
      dtoFile: 'schedule-reboot',
      resourceClass: 'Reboot',
      dtoClass: 'ScheduleRebootDto',
      method: 'schedule',
    });
  });

  it('join the words of each', () => {
    expect(namesOf('power-supply/switch-off')).toMatchObject({
      dtoFile: 'switch-off-power-supply',
      resourceClass: 'PowerSupply',
      dtoClass: 'SwitchOffPowerSupplyDto',
      method: 'switchOff',
    });
  });

  it.each([
    'reboot',
    '/schedule',
    'reboot/',
    'reboot/a/b',
    'Reboot/schedule',
    '../x/y',
    'reboot/../y',
    'reboot\\schedule',
    'reboot/sche dule',
    'reboot/+',
    '#/x',
    '2nd/try',
    'a--b/c',
    'a-/c',
    'é/x',
    "x/y'",
    'x/`y`',
    `${'x'.repeat(62)}/yy`,
    '',
  ])('are not those of %j, and the text says what fits', (action) => {
    expect(() => namesOf(action)).toThrow(/is no name for an action: it is a resource and a verb/);
  });

  it.each([
    ['x/constructor', 'constructor'],
    ['x/on-module-init', 'on-module-init'],
    ['x/then', 'then'],
    ['x/devices', 'devices'],
    ['x/to-string', 'to-string'],
    ['x/on-application-shutdown', 'on-application-shutdown'],
    ['action/do', 'action'],
  ])('are not those of %s, which the code calls by itself', (action, word) => {
    expect(() => namesOf(action)).toThrow(`another meaning for ${word}, choose another word`);
  });

  it('may be a word of the language', () => {
    expect(namesOf('class/delete')).toMatchObject({ resourceClass: 'Class', method: 'delete' });
  });
});
