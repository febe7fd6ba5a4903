import { JsonText } from '../../protocol/json-text.js';
import { storedTimestamp, utc } from '../shared/stored-timestamp.js';

/** The stored command with its device's current place, as clients see it: twelve fields, `null` where empty. */
export interface DeviceCommand {
  id: number;
  command: string | null;
  /** UTC without zone, `2018-02-08T15:26:30.123` */
  timestamp: string;
  /** with `id` the version of the row: it only grows */
  lastUpdated: string;
  userId: number | null;
  deviceId: string;
  networkId: number;
  deviceTypeId: number;
  parameters: JsonText | null;
  /** seconds */
  lifetime: number | null;
  status: string | null;
  result: JsonText | null;
}

/** What a client may set, in `command/insert` and `command/update`; absent or `null` is not set. */
export interface CommandFields {
  command?: string | null;
  timestamp?: Date | null;
  parameters?: JsonText | null;
  lifetime?: number | null;
  status?: string | null;
  result?: JsonText | null;
}

/** bigint comes as text from PostgreSQL, times and json as text because they are selected so. */
export interface CommandRow {
  id: string;
  command: string | null;
  timestamp: string;
  last_updated: string;
  user_id: string | null;
  device_id: string;
  network_id: string;
  device_type_id: string;
  parameters: string | null;
  lifetime: number | null;
  status: string | null;
  result: string | null;
}

/**
 * What statements hand on of a stored command `c`. Not `c.*`: a column that somebody has added may have the name of one of
 * theirs, and would make it ambiguous.
 */
export const STORED_COLUMNS = `c.id, c.device, c.command, c.timestamp, c.last_updated, c.user_id, c.parameters, c.lifetime, c.status,
  c.result`;

/** Columns of `CommandRow`: `c` is the command, `d` its device. */
export const COMMAND_COLUMNS = `c.id, c.command, ${utc('c.timestamp')} AS timestamp, ${utc('c.last_updated')} AS last_updated, c.user_id,
  d.device_id, d.network_id, d.device_type_id,
  c.parameters::text AS parameters, c.lifetime, c.status, c.result::text AS result`;

export function toDeviceCommand(row: CommandRow): DeviceCommand {
  return {
    id: Number(row.id),
    command: row.command,
    timestamp: storedTimestamp(row.timestamp),
    lastUpdated: storedTimestamp(row.last_updated),
    userId: row.user_id === null ? null : Number(row.user_id),
    deviceId: row.device_id,
    networkId: Number(row.network_id),
    deviceTypeId: Number(row.device_type_id),
    parameters: toJsonText(row.parameters),
    lifetime: row.lifetime,
    status: row.status,
    result: toJsonText(row.result),
  };
}

/** Events are for everybody whose SUBSCRIBE matches; the built-in broker fills the id of a `command/subscribe` in. */
const NO_SUBSCRIPTION = 0;

export function eventPayload(kind: 'command' | 'command_update', command: DeviceCommand): object {
  const action = kind === 'command' ? 'command/insert' : 'command/update';
  return { action, command, subscriptionId: NO_SUBSCRIPTION };
}

/** Epoch milliseconds from which a device need not act on it any more; a `lifetime` of 0 or less says nothing. */
export function expiryOf({ timestamp, lifetime }: DeviceCommand): number | undefined {
  return lifetime !== null && lifetime > 0 ? Date.parse(`${timestamp}Z`) + lifetime * 1_000 : undefined;
}

function toJsonText(text: string | null): JsonText | null {
  return text === null ? null : new JsonText(text);
}
