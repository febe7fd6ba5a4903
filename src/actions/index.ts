import { CommandModule } from './command/command.module.js';
import { DeviceModule } from './device/device.module.js';
import { NotificationModule } from './notification/notification.module.js';
import { ServerModule } from './server/server.module.js';
import { SubscriptionModule } from './subscription/subscription.module.js';
import { TokenModule } from './token/token.module.js';

/** The installed action modules. An extension adds its own here, or passes it to `createApp`. */
export const actionModules = [
  CommandModule,
  DeviceModule,
  NotificationModule,
  ServerModule,
  SubscriptionModule,
  TokenModule,
];
