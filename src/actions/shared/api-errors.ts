import { OUTCOME_UNKNOWN } from '../../database/database-error.js';
import {
  accessDenied,
  type ActionError,
  deviceNotFound,
  rowLocked,
  Unavailable,
} from '../../protocol/action-error.js';
import { pageTooLong, tooSlow } from './list-page.js';

// What several actions are refused with, for the API's description.

/** A device out of sight: 403 to a limited token, else 404. */
export const NO_DEVICE: ActionError[] = [accessDenied(), deviceNotFound('<deviceId>')];
export const NOT_WRITTEN: ActionError[] = [rowLocked(), new Unavailable(OUTCOME_UNKNOWN, true)];
export const NO_PAGE: ActionError[] = [pageTooLong(), tooSlow()];
