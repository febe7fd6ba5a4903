import { Role } from '../directory/entities.js';
import { ANY_PERMISSION_ID, CLIENT_PERMISSION_IDS } from '../protocol/permissions.js';

/** All that users of a role may do, as ids of permissions; 0 is `*`. */
export function permissionsOf(role: Role): readonly number[] {
  return role === Role.Admin ? [ANY_PERMISSION_ID] : CLIENT_PERMISSION_IDS;
}

/** What of these ids a user of the role may have. A client's `*` is what a client may do. */
export function withinRole(ids: ReadonlySet<number>, role: Role): number[] {
  if (role === Role.Admin) return [...ids];
  return CLIENT_PERMISSION_IDS.filter((id) => ids.has(ANY_PERMISSION_ID) || ids.has(id));
}
