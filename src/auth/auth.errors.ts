import { ActionError } from '../protocol/action-error.js';

/** Longer ones are not looked at. */
export const MAX_TOKEN_LENGTH = 8_192;

// DeviceHive's texts, but for the last three.
export const userNotActive = (code: 401 | 403): ActionError =>
  new ActionError(code, 'User is locked or disabled');
export const wrongTokenType = (): ActionError => new ActionError(401, 'Invalid token type');
export const refreshTokenExpired = (): ActionError => new ActionError(401, 'Token has expired');
export const tokenTooLong = (): ActionError =>
  new ActionError(400, `The token would be longer than ${MAX_TOKEN_LENGTH} characters`);
export const tooManyLogins = (): ActionError =>
  new ActionError(503, 'Too many login attempts, try again later');
/** Nobody is left to read it. */
export const connectionEnded = (): ActionError => new ActionError(503, 'The connection has ended');
