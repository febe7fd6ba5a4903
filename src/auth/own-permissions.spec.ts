import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { OwnPermissions } from './own-permissions.js';

const HANDLER = 'RebootController.schedule';

describe('OwnPermissions', () => {
  it('knows those of DeviceHive and what handlers require beside them', () => {
    const permissions = new OwnPermissions();
    for (const name of ['UpdateDeviceCommand', 'MANAGE_REBOOT', 'MANAGE_REBOOT', 'acme:lift-2.open'])
      permissions.declare(name, HANDLER);
    expect(permissions.names).toEqual(['MANAGE_REBOOT', 'acme:lift-2.open']);
    expect(permissions.has('MANAGE_REBOOT')).toBe(true);
    expect(permissions.has('ManageReboot')).toBe(false);
    expect(permissions.has('constructor')).toBe(false);
  });

  it.each(['UPDATE_DEVICE_COMMAND', 'updateDeviceCommand', 'Update-Device-Command'])(
    'takes %s for a slip, and names the handler',
    (name) => {
      expect(() => new OwnPermissions().declare(name, HANDLER)).toThrow(
        `RebootController.schedule requires ${name}: did you mean UpdateDeviceCommand?`,
      );
    },
  );

  it('takes another spelling of an own one for a slip', () => {
    const permissions = new OwnPermissions();
    permissions.declare('ManageReboot', HANDLER);
    expect(() => permissions.declare('MANAGE_REBOOT', HANDLER)).toThrow('did you mean ManageReboot?');
  });

  it.each(['', '*', '8', 'with space', 'x'.repeat(65), '__proto__'])('refuses the name "%s"', (name) => {
    expect(() => new OwnPermissions().declare(name, HANDLER)).toThrow('a permission is a letter and up to');
  });
});
