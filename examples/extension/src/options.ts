import type { DeviceHiveRootOptions } from 'nest-devicehive';
import { CreateReboot1770000000000, RebootModule } from './reboot.js';

export const options: DeviceHiveRootOptions = {
  environment: process.env,
  actions: [RebootModule],
  migrations: [CreateReboot1770000000000],
};
