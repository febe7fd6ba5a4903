import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { DirectoryRepository } from '../directory/directory.repository.js';
import { Role, type User, UserStatus } from '../directory/entities.js';
import { LastLogins } from '../directory/last-logins.js';
import { invalidCredentials } from '../protocol/action-error.js';
import { PermissionSet } from '../protocol/permissions.js';
import { userNotActive } from './auth.errors.js';
import type { HashOwner } from './hash-queue.js';
import { KeyedQueue } from './keyed-queue.js';
import { LoginThrottle, type Peer } from './login-throttle.js';
import { hashPassword, isOutdatedHash, verifyPassword } from './passwords.js';
import type { Principal } from './principal.js';
import { permissionsOf } from './role-permissions.js';
import { type Claims, toClaims } from './token-payload.js';
import type { LoginLimits } from './waiting-attempts.js';

/** Users of one address that are read at once, so that a fleet that reconnects leaves connections to requests. */
const LOOKUPS_AT_ONCE = 4;

/** Logins by password: CONNECT on the built-in broker, and the action `token`. */
@Injectable()
export class LoginService implements BeforeApplicationShutdown {
  private readonly logger = new Logger(LoginService.name);
  private readonly throttle = new LoginThrottle();
  private readonly lookups = new KeyedQueue();

  constructor(
    private readonly directory: DirectoryRepository,
    private readonly lastLogins: LastLogins,
  ) {}

  beforeApplicationShutdown(): void {
    this.throttle.stop();
  }

  /**
   * @param peer for throttling, and for giving up when it has gone
   * @throws {ActionError} 401 `Invalid credentials`, the same and after the same time for an unknown login and
   *   a wrong password; 401 `User is locked or disabled`; 503 under a flood of attempts
   */
  login(login: string, password: string, peer: Peer, limits: LoginLimits): Promise<User> {
    if (!isLogin(login)) return Promise.reject(invalidCredentials());
    return this.throttle.run(login, peer, limits, async (owner) => {
      const lookUp = () => this.directory.userByLogin(login);
      const user = await this.lookups.run(owner.address, LOOKUPS_AT_ONCE, lookUp, owner.signal);
      const isRight = await verifyPassword(password, user?.passwordHash, owner);
      if (!user || !isRight) throw invalidCredentials();
      if (user.status !== UserStatus.Active) throw userNotActive(401);
      await this.replaceOutdatedHash(user, password, owner);
      this.lastLogins.record(user.id);
      return user;
    });
  }

  /** The password is known to be right. A failure keeps nobody out: the next login tries again. */
  private async replaceOutdatedHash(
    { id, passwordHash }: User,
    password: string,
    owner: HashOwner,
  ): Promise<void> {
    if (!isOutdatedHash(passwordHash)) return;
    try {
      await this.directory.replacePasswordHash(id, passwordHash, await hashPassword(password, owner));
    } catch (error) {
      this.logger.error(`The password hash of user ${id} stays as it was`, error);
    }
  }

  /** All that the user may do and see, as it is at each request, for as long as the connection lasts. */
  principalOf(user: User): Principal {
    return {
      userId: user.id,
      permissions: new PermissionSet(permissionsOf(user.role)),
      networkIds: null,
      deviceTypeIds: null,
      limited: user.role !== Role.Admin,
      generation: user.generation,
      expiresAt: Infinity,
    };
  }

  /** What the action `token` puts into the user's tokens, as DeviceHive's `TokenService` does. */
  async claimsOf(user: User): Promise<Claims> {
    const all = user.role === Role.Admin;
    const networkIds = all ? null : await this.directory.networkIdsOf(user.id);
    const allTypes = all || user.allDeviceTypesAvailable;
    const deviceTypeIds = allTypes ? null : await this.directory.deviceTypeIdsOf(user.id);
    const { id: userId, generation } = user;
    return toClaims({ userId, networkIds, deviceTypeIds, generation }, permissionsOf(user.role));
  }
}

/** No longer than the column, and nothing that PostgreSQL would not take. */
function isLogin(login: string): boolean {
  return /^[^\p{Cc}]{1,128}$/u.test(login);
}
