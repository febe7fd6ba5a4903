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
import type { ActionDescription } from '../api-action.decorator.js';
import { NO_DEVICE, NO_PAGE, NOT_WRITTEN } from '../shared/api-errors.js';
import { DEVICE_ID } from '../shared/request-errors.js';
import { SUBSCRIBE_API, UNSUBSCRIBE_API } from '../subscription.exports.js';
import { commandNotFound } from './command.errors.js';
import type { DeviceCommand } from './device-command.js';

/** Of `DeviceCommand`. */
const MEMBERS: Record<keyof DeviceCommand, JsonSchema> = {
  id: described(INTEGER, undefined, 7),
  command: described(nullable(TEXT), 'its name', 'led/on'),
  timestamp: TIMESTAMP,
  lastUpdated: described(TIMESTAMP, 'UTC; only grows'),
  userId: described(nullable(INTEGER), 'who inserted it', 1),
  deviceId: described(TEXT, undefined, DEVICE_ID.example),
  networkId: described(INTEGER, "the device's, now"),
  deviceTypeId: described(INTEGER, "the device's, now"),
  parameters: described(nullable(ANY_OBJECT), undefined, { colour: 'green' }),
  lifetime: described(nullable(INTEGER), 'seconds', null),
  status: described(nullable(TEXT), undefined, 'done'),
  result: described(nullable(ANY_OBJECT), undefined, { lit: true }),
};
const COMMAND = objectOf(MEMBERS);

/** @param action which one the event tells of */
const event = (action: string): JsonSchema =>
  objectOf({
    action: { const: action },
    command: COMMAND,
    subscriptionId: described(INTEGER, 'of a `command/subscribe`; 0 for a SUBSCRIBE', 0),
  });

/** What the description of the API says of `CommandController`. */
export const api = {
  update: {
    summary: 'Changes the fields that are given, keeps the others, tells watchers',
    reply: {},
    errors: [...NO_DEVICE, commandNotFound(7), ...NOT_WRITTEN],
    event: {
      kind: 'command_update',
      summary: 'A command was updated',
      payload: event('command/update'),
    },
  },
  insert: {
    summary: 'Stores a command for a device, tells watchers, returns its id',
    reply: {
      command: objectOf({
        id: MEMBERS.id,
        timestamp: MEMBERS.timestamp,
        lastUpdated: MEMBERS.lastUpdated,
        userId: MEMBERS.userId,
      }),
    },
    errors: [...NO_DEVICE, ...NOT_WRITTEN],
    event: {
      kind: 'command',
      summary: 'A command was inserted',
      payload: event('command/insert'),
    },
  },
  get: {
    summary: 'Returns a stored command',
    reply: { command: COMMAND },
    errors: [...NO_DEVICE, commandNotFound(7)],
  },
  list: {
    summary: "Returns a page of a device's commands",
    reply: { commands: listOf(COMMAND) },
    errors: [...NO_DEVICE, ...NO_PAGE],
  },
  subscribe: SUBSCRIBE_API.command,
  unsubscribe: UNSUBSCRIBE_API,
} satisfies Record<string, ActionDescription>;
