import { setMaxListeners } from 'node:events';
import { Injectable } from '@nestjs/common';
import { UserRightsCache } from '../directory/user-rights.js';
import { connectionEnded } from './auth.errors.js';
import type { Peer } from './login-throttle.js';
import type { Principal } from './principal.js';

interface Session {
  /** the peer's IP address, for throttling */
  address: string;
  principal?: Principal;
  end: AbortController;
}

/**
 * Who is authenticated on which connection of the built-in broker. Keyed by an unguessable connection id, not
 * by client id: a take-over inherits nothing, and an `authenticate` that outlives its connection
 * authenticates nobody.
 */
@Injectable()
export class Sessions {
  private readonly sessions = new Map<string, Session>();
  /** Told of each authentication of a connection that is still there. */
  onAuthenticated: (connectionId: string) => void = () => {};

  constructor(private readonly rights: UserRightsCache) {}

  open(connectionId: string, address: string): void {
    const end = new AbortController();
    // Each login attempt of the connection listens to it.
    setMaxListeners(0, end.signal);
    this.sessions.set(connectionId, { address, end });
  }

  close(connectionId: string): void {
    const session = this.sessions.get(connectionId);
    if (session?.principal) this.rights.unwatch(session.principal.userId);
    this.sessions.delete(connectionId);
    session?.end.abort(connectionEnded());
  }

  /** Without effect where the connection is gone. */
  authenticate(connectionId: string, principal: Principal): void {
    const session = this.sessions.get(connectionId);
    if (!session) return;
    this.rights.watch(principal.userId);
    if (session.principal) this.rights.unwatch(session.principal.userId);
    session.principal = principal;
    this.onAuthenticated(connectionId);
  }

  /** @returns `undefined` for a connection that is gone or not authenticated; expiry is the caller's to check */
  principalOf(connectionId: string): Principal | undefined {
    return this.sessions.get(connectionId)?.principal;
  }

  /** @returns `undefined` for a connection that is gone */
  peerOf(connectionId: string): Peer | undefined {
    const session = this.sessions.get(connectionId);
    return session && { address: session.address, signal: session.end.signal };
  }
}
