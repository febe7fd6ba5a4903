import { Role } from '../directory/entities.js';
import { ANY_PERMISSION_ID, CLIENT_PERMISSION_IDS, type PermissionId } from '../protocol/permissions.js';

/** All that users of a role may do, as ids of permissions; 0 is `*`. */
export function permissionsOf(role: Role): readonly number[] {
  return role === Role.Admin ? [ANY_PERMISSION_ID] : CLIENT_PERMISSION_IDS;
}

/**
 * What of these ids a user of the role may have. A client's `*` is what a client may do; a permission of an extension
 * belongs to no role, and who has it has been given it.
 */
export function withinRole(ids: ReadonlySet<PermissionId>, role: Role): PermissionId[] {
  if (role === Role.Admin) return [...ids];
  const names = [...ids].filter((id) => typeof id === 'string');
  return [...CLIENT_PERMISSION_IDS.filter((id) => ids.has(ANY_PERMISSION_ID) || ids.has(id)), ...names];
}
