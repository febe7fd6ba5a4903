import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { accessDenied, invalidCredentials, tokenExpired, unauthorized } from '../protocol/action-error.js';
import type { DeviceHiveContext } from '../transport/devicehive.context.js';
import { type Principal, rememberPrincipal } from './principal.js';
import { requirementOf } from './require-permission.decorator.js';
import { Sessions } from './sessions.js';
import { TokenService } from './token.service.js';

/**
 * The one gate of every action. A token in the request wins over the connection's session; either is checked
 * for expiry at every request. What a handler does not declare, nobody may do.
 */
@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(
    private readonly tokens: TokenService,
    private readonly sessions: Sessions,
  ) {}

  /**
   * @returns a promise only for a token that was not verified lately: each takes time
   * @throws {ActionError} 401 without a valid credential, 403 without the permission
   */
  canActivate(host: ExecutionContext): boolean | Promise<boolean> {
    const requirement = requirementOf(host.getHandler());
    if (requirement === undefined) throw accessDenied();
    if (requirement === null) return true;
    const context = host.switchToRpc().getContext<DeviceHiveContext>();
    const principal = this.identify(context);
    if (!(principal instanceof Promise)) return admit(context, principal, requirement);
    return principal.then((verified) => admit(context, verified, requirement));
  }

  private identify({ origin, request }: DeviceHiveContext): Principal | Promise<Principal> {
    const { token } = request.body;
    const given = token != null && token !== '' ? token : origin.bearerToken;
    if (given !== undefined) {
      if (typeof given !== 'string') throw invalidCredentials();
      return this.tokens.verifiedLately(given) ?? this.tokens.verifyAccess(given);
    }
    const session = origin.connectionId && this.sessions.principalOf(origin.connectionId);
    if (!session) throw unauthorized();
    return session;
  }
}

function admit(context: DeviceHiveContext, principal: Principal, requirement: readonly string[]): true {
  if (principal.expiresAt <= Date.now()) throw tokenExpired();
  if (!requirement.some((permission) => principal.permissions.has(permission))) throw accessDenied();
  rememberPrincipal(context, principal);
  return true;
}
