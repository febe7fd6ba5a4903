import { CommandModule } from './command/command.module.js';
import { DeviceModule } from './device/device.module.js';
import { NotificationModule } from './notification/notification.module.js';
import { ServerModule } from './server/server.module.js';
import { SubscriptionModule } from './subscription/subscription.module.js';
import { TokenModule } from './token/token.module.js';

/** DeviceHive's own. Others are given to `DeviceHiveModule.forRoot()` as `actions`. */
export const actionModules = [
  CommandModule,
  DeviceModule,
  NotificationModule,
  ServerModule,
  SubscriptionModule,
  TokenModule,
];
