import { describe, expect, it } from 'vitest';
import { type CommandRow, toDeviceCommand } from './device-command.js';

const ROW: CommandRow = {
  id: '7',
  command: 'led/on',
  timestamp: '2018-02-08 15:26:30.123',
  last_updated: '2018-02-08 15:26:30.124',
  user_id: null,
  device_id: 'lamp',
  network_id: '1',
  device_type_id: '2',
  parameters: null,
  lifetime: null,
  status: null,
  result: null,
};

describe('toDeviceCommand', () => {
  it.each([
    ['2018-02-08 15:26:30', '2018-02-08T15:26:30.000'],
    ['2018-02-08 15:26:30.1', '2018-02-08T15:26:30.100'],
    ['2018-02-08 15:26:30.12', '2018-02-08T15:26:30.120'],
    ['2018-02-08 15:26:30.123999', '2018-02-08T15:26:30.123'],
    ['0001-01-01 00:00:00.007', '0001-01-01T00:00:00.007'],
    ['12018-02-08 15:26:30.5', '12018-02-08T15:26:30.500'],
  ])('gives the time %s as %s', (stored, shown) => {
    expect(toDeviceCommand({ ...ROW, timestamp: stored })).toMatchObject({
      timestamp: shown,
      lastUpdated: '2018-02-08T15:26:30.124',
    });
  });

  it('keeps what is empty empty, and makes numbers of ids', () => {
    expect(toDeviceCommand(ROW)).toMatchObject({ id: 7, userId: null, networkId: 1, parameters: null });
    expect(toDeviceCommand({ ...ROW, user_id: '3' }).userId).toBe(3);
  });
});
