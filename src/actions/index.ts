import type { Type } from '@nestjs/common';
import { CommandModule } from './command/command.module.js';
import { DeviceModule } from './device/device.module.js';
import { actionsOf } from './handlers.js';
import { NotificationModule } from './notification/notification.module.js';
import { ServerModule } from './server/server.module.js';
import { SubscriptionModule } from './subscription/subscription.module.js';
import { TokenModule } from './token/token.module.js';

/** Modules that are added in a checkout, by whoever runs it: `ACTION_TIMEOUT_MS` holds for their actions. */
const addedModules: Type[] = [];

const deviceHiveModules = [
  CommandModule,
  DeviceModule,
  NotificationModule,
  ServerModule,
  SubscriptionModule,
  TokenModule,
];

/** All modules of this repository. Others are given to `DeviceHiveModule.forRoot()` as `actions`. */
export const actionModules = [...deviceHiveModules, ...addedModules];

/** The names of DeviceHive's own actions; an extension cannot answer one of them as well. */
export const ownActions: ReadonlySet<string> = new Set(actionsOf(deviceHiveModules));
