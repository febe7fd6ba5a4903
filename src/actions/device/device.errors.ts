import { ActionError } from '../../protocol/action-error.js';

// DeviceHive's texts, which clients compare literally (`Messages` in devicehive-java-server).
export const DEVICE_ID_CHARACTERS = 'Device Id can only contain letters, digits and dashes.';

/** A network or device type that is not there; a limited token is told 403 instead. */
export const invalidParameters = (): ActionError => new ActionError(400, 'Invalid request parameters');
export const deviceKeepsChanging = (): ActionError =>
  new ActionError(503, 'The device is being changed by somebody else, try again');
