import { SetMetadata } from '@nestjs/common';
import type { Permission } from '../protocol/permissions.js';

/** What a handler declares: the permissions of which its caller needs one, or `null` where anybody may call it. */
export type Requirement = readonly string[] | null;

const REQUIREMENTS = 'nest-devicehive:requirements';

/** With DeviceHive's names offered by the editor. */
type PermissionName = Permission | (string & {});

/**
 * The caller needs a valid token or session that carries this permission, or one of these.
 *
 * Beside DeviceHive's there can be any other name, e.g. `ManageReboot`: an administrator has it, as everything; others
 * need a token that carries it (`token/create` by an administrator, or an identity provider, in `a` of the payload).
 * What only differs from another name in case or underscores stops the start; any other slip makes a permission that
 * only administrators have, and the start logs those that are not DeviceHive's.
 */
export const RequirePermission = (...permissions: [PermissionName, ...PermissionName[]]): MethodDecorator =>
  declare(permissions);

/** Anybody may call the handler, also unauthenticated, like DeviceHive's `authenticate` and `token`. */
export const PublicAction = (): MethodDecorator => declare(null);

/** Those before are kept: which of several decorators counts must not hang on their order. */
function declare(requirement: Requirement): MethodDecorator {
  return (target, key, descriptor) => {
    const all = [...requirementsOf(descriptor.value as object), requirement];
    SetMetadata(REQUIREMENTS, all)(target, key, descriptor);
  };
}

/** All that a handler declares; the start refuses more than one. */
export function requirementsOf(handler: object): Requirement[] {
  return (Reflect.getMetadata(REQUIREMENTS, handler) as Requirement[] | undefined) ?? [];
}

/** @returns `undefined` for a handler that declares nothing; nobody may call it */
export function requirementOf(handler: object): Requirement | undefined {
  return requirementsOf(handler)[0];
}
