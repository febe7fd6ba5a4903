import { hash } from 'node:crypto';
import type { RequestKey } from './request-key.js';

/** A request that can be recognised when it comes again. */
export interface Fingerprint {
  /** who sent it under which `requestId`, 8 bytes as PostgreSQL's text for `bytea` */
  key: string;
  /** what it asks for, alike: another content under the same key is another request */
  content: string;
}

/** For a statement's key and content; null where the request is not to be remembered. */
export function fingerprintValues(request?: Fingerprint): [key: string | null, content: string | null] {
  return [request?.key ?? null, request?.content ?? null];
}

/** How long a repeated request is recognised: one window for all actions. */
export class ReplayWindow {
  /** @param seconds 0 turns it off */
  constructor(readonly seconds: number) {}

  /**
   * What a repeat has in common with the first: not the token, which may have been renewed in between.
   * @param action sets its requests apart from those of other actions that are remembered in the same table
   * @param content the fields that count, as JSON values
   * @returns `undefined` for a request without a `requestId`, and where nothing is recognised
   */
  fingerprint(
    sentAs: RequestKey | undefined,
    userId: number,
    action: string,
    content: unknown[],
  ): Fingerprint | undefined {
    if (!sentAs || this.seconds === 0) return undefined;
    const { clientId, requestId } = sentAs;
    return { key: digest([clientId, userId, requestId, action]), content: digest(content) };
  }
}

function digest(parts: unknown[]): string {
  return `\\x${hash('sha256', JSON.stringify(parts), 'hex').slice(0, 16)}`;
}
