import { ActionError } from '../../protocol/action-error.js';

// DeviceHive's texts, which clients compare literally (`Messages` in devicehive-java-server).
export const DEVICE_ID_EMPTY = 'Device id is wrong or empty';
export const OBJECT_IS_NULL = 'Error! Validation failed: Object is null';

/** A network or device type that is not there, or a `sortField`; a limited token is told 403 for the former. */
export const invalidParameters = (): ActionError => new ActionError(400, 'Invalid request parameters');

/** Options of the field `deviceId`; the example is the sample device. */
export const DEVICE_ID = {
  required: DEVICE_ID_EMPTY,
  description: 'a text that names the device',
  example: 'e50d6085-2aba-48e9-b1c3-73c673e414be',
};
