export { codeOf, type DeviceHiveFailure } from './client-error.js';
export type { DeviceHiveClientOptions, JsonCodec, TokenSupplier } from './client-options.js';
export type { DeviceCommand, DeviceEvents, DeviceNotification, EventSelection } from './device-events.js';
export { DeviceHiveClient } from './devicehive.client.js';
