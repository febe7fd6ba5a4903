import { ActionError } from '../../protocol/action-error.js';

// DeviceHive's texts, with its way to print a set of ids.
export const networksNotFound = (ids: number[]): ActionError => notFound('Networks', 'networkIds', ids);
export const deviceTypesNotFound = (ids: number[]): ActionError =>
  notFound('Device types', 'deviceTypeIds', ids);
export const seesNothing = (): ActionError => new ActionError(403, 'No access to any device type or network');
export const subscriptionNotFound = (id: number): ActionError =>
  new ActionError(404, `Subscription with id ${id} was not found`);

function notFound(what: string, field: string, ids: number[]): ActionError {
  return new ActionError(404, `${what} with such ${field} wasn't found: {[${ids.join(', ')}]}`);
}
