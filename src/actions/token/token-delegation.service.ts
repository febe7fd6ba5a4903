import { Injectable } from '@nestjs/common';
import { userNotActive } from '../../auth/auth.errors.js';
import type { Principal } from '../../auth/principal.js';
import { OwnPermissions } from '../../auth/own-permissions.js';
import { withinRole } from '../../auth/role-permissions.js';
import { ACCESS, LIFETIME_MS, REFRESH, toClaims } from '../../auth/token-payload.js';
import { TokenService } from '../../auth/token.service.js';
import { DirectoryRepository } from '../../directory/directory.repository.js';
import { Role, type User, UserStatus } from '../../directory/entities.js';
import { accessDenied, invalidCredentials } from '../../protocol/action-error.js';
import type { TokenRequestDto } from './create-token.dto.js';
import { bothLimits, delegablePermissions, mayGiveNames, takeIds, takePermissions } from './delegation.js';
import { providerMakesNoTokens, unknownPermission, userNotFound, wrongExpiration } from './token.errors.js';
import type { TokenPair } from './token.service.js';

const NONE = { all: false, ids: [] };
const ALL = { all: true, ids: [] };

/** The rules of `token/create` and `token/refresh`: no token allows more than what it was made from. */
@Injectable()
export class TokenDelegation {
  constructor(
    private readonly tokens: TokenService,
    private readonly directory: DirectoryRepository,
    private readonly ownPermissions: OwnPermissions,
  ) {}

  /**
   * Tokens for the caller, or by an administrator for another user, within what the caller may do now.
   * @throws {ActionError} 400 for an unknown permission or an expiration, 401 where the caller's user is gone, 403 for a right that the
   *   caller does not have, another user, or one who is not active, 404 for an unknown user
   */
  async create(caller: Principal, request: TokenRequestDto): Promise<TokenPair> {
    const { ids } = request.actions ?? NONE;
    const unknown = ids.find((id) => typeof id === 'string' && !this.ownPermissions.has(id));
    if (unknown !== undefined) throw unknownPermission(String(unknown));
    const accessEnd = endOf(request.expiration, ACCESS);
    const refreshEnd = endOf(request.refreshExpiration, REFRESH);
    if (caller.isProvided) throw providerMakesNoTokens();
    const own = await this.directory.activeUser(caller);
    if (!own) throw invalidCredentials();
    const user = await this.userFor(own, request.userId);
    const scope = {
      userId: user.id,
      networkIds: takeIds(request.networkIds ?? NONE, await this.networksOf(caller, own)),
      deviceTypeIds: takeIds(request.deviceTypeIds ?? ALL, await this.deviceTypesOf(caller, own)),
      generation: user.generation,
    };
    const delegable = delegablePermissions(caller, own, user);
    const permissions = takePermissions(request.actions ?? NONE, delegable, mayGiveNames(caller, own));
    const claims = toClaims(scope, permissions);
    return {
      accessToken: await this.tokens.sign(ACCESS, claims, accessEnd),
      refreshToken: await this.tokens.sign(REFRESH, claims, refreshEnd),
    };
  }

  /**
   * An access token with the rights of the refresh token, as far as the user's role has them now. It ends with the
   * refresh token at the latest.
   * @throws {ActionError} 401 for the refresh token, and where its user is gone or not active
   */
  async refresh(refreshToken: string): Promise<Pick<TokenPair, 'accessToken'>> {
    const carried = await this.tokens.verifyRefresh(refreshToken);
    const user = await this.directory.activeUser(carried);
    if (!user) throw invalidCredentials();
    const claims = toClaims(carried, withinRole(carried.permissions.ids, user.role));
    const end = Math.min(Date.now() + LIFETIME_MS[ACCESS], carried.expiresAt);
    return { accessToken: await this.tokens.sign(ACCESS, claims, end) };
  }

  /** Only an administrator learns whether another user exists. */
  private async userFor(own: User, userId: number): Promise<User> {
    if (userId === own.id) return own;
    if (own.role !== Role.Admin) throw accessDenied();
    const user = await this.directory.userById(userId);
    if (!user) throw userNotFound(userId);
    if (user.status !== UserStatus.Active) throw userNotActive(403);
    return user;
  }

  private async networksOf({ networkIds }: Principal, own: User) {
    const memberships = own.role === Role.Admin ? null : await this.directory.networkIdsOf(own.id);
    return bothLimits(networkIds, memberships);
  }

  private async deviceTypesOf({ deviceTypeIds }: Principal, own: User) {
    const allTypes = own.role === Role.Admin || own.allDeviceTypesAvailable;
    return bothLimits(deviceTypeIds, allTypes ? null : await this.directory.deviceTypeIdsOf(own.id));
  }
}

/**
 * Neither kind of token lasts longer than DeviceHive's refresh token: what is asked for beyond is refused, not cut,
 * since the device that gets the token would find out months later.
 */
function endOf(wanted: Date | null | undefined, type: typeof ACCESS | typeof REFRESH): number {
  const now = Date.now();
  const end = wanted?.getTime() ?? now + LIFETIME_MS[type];
  if (end > now && end <= now + LIFETIME_MS[REFRESH]) return end;
  throw wrongExpiration();
}
