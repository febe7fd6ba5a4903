import { CommandModule } from './command/command.module.js';
import { DeviceModule } from './device/device.module.js';
import { actionsOf } from './handlers.js';
import { NotificationModule } from './notification/notification.module.js';
import { ServerModule } from './server/server.module.js';
import { SubscriptionModule } from './subscription/subscription.module.js';
import { TokenModule } from './token/token.module.js';

/** DeviceHive's own modules. Others are given to `DeviceHiveModule.forRoot()` as `actions`. */
export const actionModules = [
  CommandModule,
  DeviceModule,
  NotificationModule,
  ServerModule,
  SubscriptionModule,
  TokenModule,
];

/** The names of DeviceHive's own actions; an extension cannot answer one of them as well. */
export const ownActions: ReadonlySet<string> = new Set(actionsOf(actionModules));
