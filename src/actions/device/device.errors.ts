import { ActionError } from '../../protocol/action-error.js';

// DeviceHive's texts, which clients compare literally (`Messages` in devicehive-java-server).
export const DEVICE_ID_CHARACTERS = 'Device Id can only contain letters, digits and dashes.';

/** A device needs one of each; the caller names none, and sees none that could be taken. */
export const noAccessTo = (what: 'network' | 'device type'): ActionError =>
  new ActionError(403, `No access to ${what}!`);
/** An administrator sees all. */
export const noneYet = (what: 'network' | 'device type'): ActionError =>
  new ActionError(404, `There is no ${what} yet`);
export const deviceKeepsChanging = (): ActionError =>
  new ActionError(503, 'The device is being changed by somebody else, try again');
