import type { Principal } from '../../auth/principal.js';
import { withinRole } from '../../auth/role-permissions.js';
import type { IdLimit } from '../../directory/access-scope.js';
import { Role, type User } from '../../directory/entities.js';
import { accessDenied } from '../../protocol/action-error.js';
import { ANY_PERMISSION_ID, PERMISSION_IDS, type PermissionId } from '../../protocol/permissions.js';
import type { Wanted } from './wanted.js';

/** What they allow belongs to the token's user: of another user it takes `ManageUser`. */
const OF_ONESELF: readonly PermissionId[] = [
  PERMISSION_IDS.GetCurrentUser,
  PERMISSION_IDS.UpdateCurrentUser,
  PERMISSION_IDS.ManagePlugin,
];

/**
 * The permissions that `caller` may pass on to `user`: those of its token or session, as far as the user's role has
 * them now. DeviceHive passes on whatever is asked for, so that any client can make itself an administrator.
 * @param own the caller's user as it is now
 * @throws {ActionError} 403 where the user is another one and the caller is no administrator
 */
export function delegablePermissions(
  caller: Principal,
  own: User,
  user: Pick<User, 'id' | 'role'>,
): PermissionId[] {
  const permissions = withinRole(caller.permissions.ids, user.role);
  if (user.id === own.id) return permissions;
  if (own.role !== Role.Admin) throw accessDenied();
  if (caller.permissions.has('ManageUser')) return permissions;
  return permissions.filter((id) => !OF_ONESELF.includes(id));
}

/** Whether the caller may give others an extension's permission that it has as an administrator, by its name. */
export function mayGiveNames(caller: Principal, own: Pick<User, 'role'>): boolean {
  return own.role === Role.Admin && caller.permissions.ids.has(ANY_PERMISSION_ID);
}

/**
 * The permissions of the wanted ones; `*` is all that may be passed on, of which a permission of an extension is only
 * where the caller's own token names it.
 * @param givesNames whether any permission of an extension may be passed on that is named
 * @throws {ActionError} 403 for one that may not be passed on
 */
export function takePermissions(
  wanted: Wanted<PermissionId>,
  delegable: readonly PermissionId[],
  givesNames = false,
): readonly PermissionId[] {
  if (delegable.includes(ANY_PERMISSION_ID)) return wanted.all ? [ANY_PERMISSION_ID] : wanted.ids;
  const names = givesNames ? wanted.ids.filter((id) => typeof id === 'string') : [];
  const ids = wanted.ids.filter((id) => !names.includes(id as string));
  return [...takeIds({ all: wanted.all, ids }, delegable)!, ...names];
}

/**
 * The wanted ids within a limit; `*` is the limit itself.
 * @throws {ActionError} 403 for an id beyond it
 */
export function takeIds<Id extends PermissionId>(
  wanted: Wanted<Id>,
  limit: readonly Id[] | null,
): readonly Id[] | null {
  if (limit === null) return wanted.all ? null : wanted.ids;
  const allowed = new Set(limit);
  if (!wanted.ids.every((id) => allowed.has(id))) throw accessDenied();
  return wanted.all ? limit : wanted.ids;
}

/** What both limits allow. */
export function bothLimits(one: IdLimit, other: IdLimit): IdLimit {
  if (one === null || other === null) return one ?? other;
  const allowed = new Set(other);
  return one.filter((id) => allowed.has(id));
}
