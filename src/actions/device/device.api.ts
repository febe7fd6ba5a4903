import { accessDenied } from '../../protocol/action-error.js';
import {
  ANY_OBJECT,
  described,
  INTEGER,
  type JsonSchema,
  listOf,
  nullable,
  objectOf,
  TEXT,
} from '../../protocol/json-schema.js';
import type { ActionDescription } from '../api-action.decorator.js';
import { NOTIFICATION_EVENT } from '../notification.exports.js';
import { NO_DEVICE, NO_PAGE, NOT_WRITTEN } from '../shared/api-errors.js';
import { DEVICE_ID, invalidParameters } from '../shared/request-errors.js';
import { deviceKeepsChanging, noAccessTo, noneYet } from './device.errors.js';
import type { DeviceView } from './device.js';

/** Of `DeviceView`. */
const MEMBERS: Record<keyof DeviceView, JsonSchema> = {
  id: described(TEXT, undefined, DEVICE_ID.example),
  name: described(TEXT, undefined, 'Lamp'),
  data: described(nullable(ANY_OBJECT), undefined, null),
  networkId: INTEGER,
  deviceTypeId: INTEGER,
  isBlocked: described({ type: 'boolean' }, 'kept for its readers: nothing is refused to such a device'),
};
const DEVICE = objectOf(MEMBERS);

/** What the description of the API says of `DeviceController`. */
export const api = {
  save: {
    summary: 'Creates a device, or changes the fields that are given, and tells watchers',
    reply: {},
    errors: [
      invalidParameters(),
      accessDenied(),
      noAccessTo('network'),
      noAccessTo('device type'),
      noneYet('network'),
      noneYet('device type'),
      deviceKeepsChanging(),
      ...NOT_WRITTEN,
    ],
    event: NOTIFICATION_EVENT,
  },
  delete: {
    summary: 'Deletes a device with all that is stored of it, and tells watchers',
    reply: {},
    errors: [...NO_DEVICE, ...NOT_WRITTEN],
    event: NOTIFICATION_EVENT,
  },
  get: { summary: 'Returns a device', reply: { device: DEVICE }, errors: NO_DEVICE },
  list: {
    summary: 'Returns a page of the devices that the caller sees',
    reply: { devices: listOf(DEVICE) },
    errors: [invalidParameters(), ...NO_PAGE],
  },
  count: {
    summary: 'Returns how many devices the caller sees',
    reply: { count: described(INTEGER, undefined, 2) },
    errors: NO_PAGE.filter(({ code }) => code === 503),
  },
} satisfies Record<string, ActionDescription>;
