import { Injectable } from '@nestjs/common';
import type { Principal } from './principal.js';

interface Session {
  /** the peer's IP address, for throttling */
  address: string;
  principal?: Principal;
}

/**
 * Who is authenticated on which connection of the built-in broker. Keyed by an unguessable connection id, not
 * by client id: a take-over inherits nothing, and an `authenticate` that outlives its connection
 * authenticates nobody.
 */
@Injectable()
export class Sessions {
  private readonly sessions = new Map<string, Session>();
  private authenticated = 0;

  /** counts authentications, so that a cache by user can tell whether it knows everybody */
  get authentications(): number {
    return this.authenticated;
  }

  open(connectionId: string, address: string): void {
    this.sessions.set(connectionId, { address });
  }

  close(connectionId: string): void {
    this.sessions.delete(connectionId);
  }

  /** Without effect where the connection is gone. */
  authenticate(connectionId: string, principal: Principal): void {
    const session = this.sessions.get(connectionId);
    if (!session) return;
    session.principal = principal;
    this.authenticated++;
  }

  /** @returns `undefined` for a connection that is gone or not authenticated; expiry is the caller's to check */
  principalOf(connectionId: string): Principal | undefined {
    return this.sessions.get(connectionId)?.principal;
  }

  addressOf(connectionId: string): string | undefined {
    return this.sessions.get(connectionId)?.address;
  }

  /** The users of all authenticated connections. */
  userIds(): number[] {
    const ids = new Set<number>();
    for (const { principal } of this.sessions.values()) if (principal) ids.add(principal.userId);
    return [...ids];
  }
}
