import { describeActionContract, SAMPLE } from 'nest-devicehive/testing';
import { CreateReboot1770000000000, RebootModule } from './reboot.js';

describeActionContract({
  action: 'reboot/schedule',
  permission: 'ManageReboot',
  body: () => ({ deviceId: SAMPLE.deviceId, at: '2030-01-01T00:00:00Z' }),
  wrong: [{ deviceId: null }, { at: 'soon' }],
  actions: [RebootModule],
  migrations: [CreateReboot1770000000000],
});
