// What the notification module exports to other actions, which import nothing of its folder.
export {
  type DeviceNotification,
  NOTIFICATION_COLUMNS,
  type NotificationRow,
  toDeviceNotification,
} from './notification/device-notification.js';
export { NOTIFICATION_EVENT } from './notification/notification.api.js';
export { NotificationEvents } from './notification/notification.events.js';
export { NotificationModule } from './notification/notification.module.js';
