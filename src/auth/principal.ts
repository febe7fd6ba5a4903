import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AccessScope } from '../directory/access-scope.js';
import type { PermissionSet } from '../protocol/permissions.js';
import type { DeviceHiveContext } from '../transport/devicehive.context.js';

/** Who asks, and what the credential shown allows. */
export interface Principal extends AccessScope {
  permissions: PermissionSet;
  /** epoch milliseconds; `Infinity` for a connection that logged in with a password, which lasts as long as it */
  expiresAt: number;
  /** shown by a token of the identity provider, whose lifetimes are the provider's: mints no token here */
  isProvided?: true;
}

/** Where the context of a request has it. */
const PRINCIPAL = Symbol('principal');
type Identified = DeviceHiveContext & { [PRINCIPAL]?: Principal };

export function rememberPrincipal(context: DeviceHiveContext, principal: Principal): void {
  (context as Identified)[PRINCIPAL] = principal;
}

/** Of the request that a handler with `@RequirePermission` gets. */
export function principalOf(context: DeviceHiveContext): Principal {
  const principal = (context as Identified)[PRINCIPAL];
  if (!principal) throw new Error('@CurrentPrincipal() needs a handler with @RequirePermission()');
  return principal;
}

/** Parameter decorator: the `Principal` of the request. Only in handlers with `@RequirePermission`. */
export const CurrentPrincipal = createParamDecorator((_: unknown, host: ExecutionContext): Principal =>
  principalOf(host.switchToRpc().getContext()),
);
