import { SetMetadata } from '@nestjs/common';
import type { Permission } from '../protocol/permissions.js';

/** What a handler declares: the permissions of which its caller needs one, or `null` where anybody may call it. */
export type Requirement = readonly Permission[] | null;

const REQUIREMENT = 'nest-devicehive:requirement';

/** The caller needs a valid token or session that carries this permission, or one of these. */
export const RequirePermission = (...permissions: [Permission, ...Permission[]]): MethodDecorator =>
  SetMetadata(REQUIREMENT, permissions satisfies Requirement);

/** Anybody may call the handler, also unauthenticated, like DeviceHive's `authenticate` and `token`. */
export const PublicAction = (): MethodDecorator => SetMetadata(REQUIREMENT, null satisfies Requirement);

/** @returns `undefined` for a handler that declares nothing; nobody may call it */
export function requirementOf(handler: object): Requirement | undefined {
  return Reflect.getMetadata(REQUIREMENT, handler) as Requirement | undefined;
}
