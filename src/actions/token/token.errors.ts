import { ActionError } from '../../protocol/action-error.js';

/** DeviceHive's text. */
export const userNotFound = (id: number): ActionError =>
  new ActionError(404, `User with id = ${id} not found`);
export const needsSession = (): ActionError =>
  new ActionError(501, 'Sessions need the built-in broker: send the token along in each request');
export const providerMakesNoTokens = (): ActionError =>
  new ActionError(403, "An identity provider's token makes no tokens");
export const unknownPermission = (name: string): ActionError =>
  new ActionError(400, `Unknown action: ${name.slice(0, 128)}`);
export const wrongExpiration = (): ActionError =>
  new ActionError(400, 'Expiration must be in the future, 182 days ahead at most');
