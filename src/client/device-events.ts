import type { EventKind } from '../protocol/topics.js';

/** A command, as events and replies carry it. */
export interface DeviceCommand {
  id: number;
  command: string | null;
  /** UTC without zone, `2018-02-08T15:26:30.123` */
  timestamp: string;
  /** with `id` the version of the command: it only grows */
  lastUpdated: string;
  userId: number | null;
  deviceId: string;
  networkId: number;
  deviceTypeId: number;
  parameters: Record<string, unknown> | null;
  /** seconds */
  lifetime: number | null;
  status: string | null;
  result: Record<string, unknown> | null;
}

/** A notification, as events and replies carry it. */
export interface DeviceNotification {
  id: number;
  notification: string;
  deviceId: string;
  networkId: number;
  deviceTypeId: number;
  /** UTC without zone, `2018-02-08T15:26:30.123` */
  timestamp: string;
  parameters: Record<string, unknown> | null;
}

/** What `DeviceHiveClient#events` streams, by the action that causes it. */
export interface DeviceEvents {
  'command/insert': DeviceCommand;
  'command/update': DeviceCommand;
  'notification/insert': DeviceNotification;
}

/**
 * Which events; what is absent is open. More than one of each kind multiply: one MQTT filter for each combination, of which
 * there are 1,000 at most.
 */
export interface EventSelection {
  deviceId?: string;
  networkIds?: number[];
  deviceTypeIds?: number[];
  /** names of commands or notifications, of 128 characters and 64 levels at most */
  names?: string[];
}

export const EVENT_KINDS: Record<keyof DeviceEvents, EventKind> = {
  'command/insert': 'command',
  'command/update': 'command_update',
  'notification/insert': 'notification',
};
