import {
  ANY_OBJECT,
  described,
  INTEGER,
  type JsonSchema,
  listOf,
  nullable,
  objectOf,
  TEXT,
  TIMESTAMP,
} from '../../protocol/json-schema.js';
import type { ActionDescription, EventDescription } from '../api-action.decorator.js';
import { NO_DEVICE, NO_PAGE, NOT_WRITTEN } from '../shared/api-errors.js';
import { DEVICE_ID } from '../shared/request-errors.js';
import { SUBSCRIBE_API, UNSUBSCRIBE_API } from '../subscription.exports.js';
import type { DeviceNotification } from './device-notification.js';
import { notificationNotFound } from './notification.errors.js';

/** Of `DeviceNotification`. */
const MEMBERS: Record<keyof DeviceNotification, JsonSchema> = {
  id: described(INTEGER, undefined, 7),
  notification: described(TEXT, 'its name', 'temperature'),
  deviceId: described(TEXT, undefined, DEVICE_ID.example),
  networkId: described(INTEGER, "the device's, now"),
  deviceTypeId: described(INTEGER, "the device's, now"),
  timestamp: TIMESTAMP,
  parameters: described(nullable(ANY_OBJECT), undefined, { celsius: 21.5 }),
};
const NOTIFICATION = objectOf(MEMBERS);

/** Also of other actions that store notifications. */
export const NOTIFICATION_EVENT: EventDescription = {
  kind: 'notification',
  summary:
    'A device has notified, or was saved (`$device-add`, `$device-update`) or deleted (`$device-delete`)',
  payload: objectOf({
    action: { const: 'notification/insert' },
    notification: NOTIFICATION,
    subscriptionId: described(INTEGER, 'of a `notification/subscribe`; 0 for a SUBSCRIBE', 0),
  }),
};

/** What the description of the API says of `NotificationController`. */
export const api = {
  insert: {
    summary: 'Stores a notification of a device, tells watchers, returns its id',
    reply: { notification: objectOf({ id: MEMBERS.id, timestamp: MEMBERS.timestamp }) },
    errors: [...NO_DEVICE, notificationNotFound(), ...NOT_WRITTEN],
    event: NOTIFICATION_EVENT,
  },
  get: {
    summary: 'Returns a stored notification',
    reply: { notification: NOTIFICATION },
    errors: [...NO_DEVICE, notificationNotFound()],
  },
  list: {
    summary: "Returns a page of a device's notifications",
    reply: { notifications: listOf(NOTIFICATION) },
    errors: [...NO_DEVICE, ...NO_PAGE],
  },
  subscribe: SUBSCRIBE_API.notification,
  unsubscribe: UNSUBSCRIBE_API,
} satisfies Record<string, ActionDescription>;
