import 'reflect-metadata';

export { ActionController } from './actions/action-controller.decorator.js';
export { type ActionDescription, ApiAction, type EventDescription } from './actions/api-action.decorator.js';
export { VisibleDevices } from './actions/visible-devices.js';
export { createApp, type RunningApp } from './app.js';
export { CurrentPrincipal, type Principal } from './auth/principal.js';
export { PublicAction, RequirePermission } from './auth/require-permission.decorator.js';
export * from './client/index.js';
export { DATA_SOURCE } from './database/data-source.name.js';
export { DeviceHiveModule } from './devicehive.module.js';
export type { DeviceHiveExtras, DeviceHiveOptions } from './devicehive.options.js';
export { ActionError } from './protocol/action-error.js';
export type { JsonSchema } from './protocol/json-schema.js';
export { migrate, type MigrateOptions } from './schema.js';
export { type ActionExtras, DEVICEHIVE, DeviceHiveContext } from './transport/devicehive.context.js';
export { DeviceHiveServer } from './transport/devicehive.server.js';
export { EventPublisher } from './transport/event-publisher.js';
