import { ActionError } from '../../protocol/action-error.js';

// DeviceHive's texts, which clients compare literally (`Messages` in devicehive-java-server).
export const NOTIFICATION_REQUIRED = 'Notification is required';
export const NOTIFICATION_ID_EMPTY = 'Notification id is wrong or empty';

export const notificationNotFound = (): ActionError =>
  new ActionError(404, 'Requested notification not found');
