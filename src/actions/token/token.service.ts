import { Injectable } from '@nestjs/common';
import { connectionEnded } from '../../auth/auth.errors.js';
import { REQUEST_LIMITS, SHARED_LIMITS } from '../../auth/login-throttle.js';
import { LoginService } from '../../auth/login.service.js';
import { Sessions } from '../../auth/sessions.js';
import { ACCESS, REFRESH } from '../../auth/token-payload.js';
import { TokenService } from '../../auth/token.service.js';
import { DirectoryRepository } from '../../directory/directory.repository.js';
import { LastLogins } from '../../directory/last-logins.js';
import { invalidCredentials, unauthorized } from '../../protocol/action-error.js';
import type { RequestOrigin } from '../../transport/link/client-identity.js';
import { needsSession } from './token.errors.js';

export interface TokenPair {
  accessToken: string;
  refreshToken: string;
}

/** The rules of `authenticate` and `token`; their errors are in `docs/compatibility.md`. */
@Injectable()
export class TokenActions {
  constructor(
    private readonly tokens: TokenService,
    private readonly logins: LoginService,
    private readonly sessions: Sessions,
    private readonly directory: DirectoryRepository,
    private readonly lastLogins: LastLogins,
  ) {}

  /**
   * Binds the token's principal to the connection, until it ends.
   * @throws {ActionError} 401 `Unauthorized` without a token, `Token expired`, `Invalid credentials`; 501 where
   *   the broker does not tell connections apart
   */
  async authenticate(token: string | null | undefined, connectionId: string | undefined): Promise<void> {
    if (!token) throw unauthorized();
    if (!connectionId) {
      throw needsSession();
    }
    const principal = await this.tokens.verifyAccess(token);
    if (!(await this.directory.activeUser(principal))) throw invalidCredentials();
    this.sessions.authenticate(connectionId, principal);
    this.lastLogins.record(principal.userId);
  }

  /** A login and a password for tokens; the session stays as it is. */
  async create(login: string, password: string, origin: RequestOrigin): Promise<TokenPair> {
    const { connectionId, clientId } = origin;
    const peer = connectionId ? this.sessions.peerOf(connectionId) : { address: clientId };
    if (!peer) throw connectionEnded();
    const limits = connectionId ? REQUEST_LIMITS : SHARED_LIMITS;
    const user = await this.logins.login(login, password, peer, limits);
    const claims = await this.logins.claimsOf(user);
    return {
      accessToken: await this.tokens.sign(ACCESS, claims),
      refreshToken: await this.tokens.sign(REFRESH, claims),
    };
  }
}
