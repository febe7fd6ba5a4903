import { JsonText } from '../../protocol/json-text.js';
import { storedTimestamp, utc } from '../shared/stored-timestamp.js';

/** The stored notification with its device's current place, as clients see it: seven fields. */
export interface DeviceNotification {
  id: number;
  /** its name */
  notification: string;
  deviceId: string;
  networkId: number;
  deviceTypeId: number;
  /** UTC without zone, `2018-02-08T15:26:30.123` */
  timestamp: string;
  parameters: JsonText | null;
}

/** What a client may set in `notification/insert`; absent or `null` is not set. */
export interface NotificationFields {
  notification: string;
  timestamp?: Date | null;
  parameters?: JsonText | null;
}

/** bigint comes as text from PostgreSQL, times and json as text because they are selected so. */
export interface NotificationRow {
  id: string;
  notification: string;
  device_id: string;
  network_id: string;
  device_type_id: string;
  timestamp: string;
  parameters: string | null;
}

/** Columns of `NotificationRow`: `n` is the notification, `d` its device. */
export const NOTIFICATION_COLUMNS = `n.id, n.notification, d.device_id, d.network_id, d.device_type_id,
  ${utc('n.timestamp')} AS timestamp, n.parameters::text AS parameters`;

/** Events are for everybody whose SUBSCRIBE matches; the built-in broker fills the id of a `notification/subscribe` in. */
const NO_SUBSCRIPTION = 0;

export function eventPayload(notification: DeviceNotification): object {
  return { action: 'notification/insert', notification, subscriptionId: NO_SUBSCRIPTION };
}

export function toDeviceNotification(row: NotificationRow): DeviceNotification {
  return {
    id: Number(row.id),
    notification: row.notification,
    deviceId: row.device_id,
    networkId: Number(row.network_id),
    deviceTypeId: Number(row.device_type_id),
    timestamp: storedTimestamp(row.timestamp),
    parameters: row.parameters === null ? null : new JsonText(row.parameters),
  };
}
