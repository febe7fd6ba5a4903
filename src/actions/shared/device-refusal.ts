import type { Principal } from '../../auth/principal.js';
import type { DirectoryRepository } from '../../directory/directory.repository.js';
import {
  accessDenied,
  type ActionError,
  deviceNotFound,
  invalidCredentials,
} from '../../protocol/action-error.js';

/** Why a statement found no device: asked only then. A limited token never learns whether a device exists. */
export async function whyNoDevice(
  directory: DirectoryRepository,
  principal: Principal,
  deviceId: string,
): Promise<ActionError> {
  if (!(await directory.activeUser(principal))) return invalidCredentials();
  return principal.limited ? accessDenied() : deviceNotFound(deviceId);
}
