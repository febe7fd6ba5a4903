import type { AccessScope, IdLimit } from '../directory/access-scope.js';
import { invalidCredentials } from '../protocol/action-error.js';
import {
  isPermissionId,
  NO_PERMISSION_ID,
  type PermissionId,
  PermissionSet,
} from '../protocol/permissions.js';
import type { Principal } from './principal.js';

export const ACCESS = 1;
export const REFRESH = 0;
/** DeviceHive's lifetimes: 30 minutes and 182 days. */
export const LIFETIME_MS = { [ACCESS]: 1_800_000, [REFRESH]: 15_724_800_000 } as const;

/** An integer of PostgreSQL. */
const MAX_GENERATION = 2_147_483_647;

/** The claim `payload` of a DeviceHive token for a user. */
export interface TokenPayload {
  /** user id */
  u: number;
  /** permissions; 0 is all, an empty list none */
  a: PermissionId[];
  /** network ids as text, `"*"` for all */
  n?: string[];
  /** device type ids as text, `"*"` for all */
  dt?: string[];
  /** epoch milliseconds */
  e: number;
  /** 1 access, 0 refresh */
  t: number;
  /** the user's generation, which DeviceHive does not know; 0 if it is missing */
  g?: number;
}

/** What a token says of its user and rights. */
export type Claims = Omit<TokenPayload, 't' | 'e'>;

/** No permission is written as 1 (none), never as `[]`, which DeviceHive takes for all rights of a client. */
export function toClaims(scope: Omit<AccessScope, 'limited'>, permissions: Iterable<PermissionId>): Claims {
  const a = [...permissions];
  return {
    a: a.length > 0 ? a : [NO_PERMISSION_ID],
    u: scope.userId,
    n: scope.networkIds?.map(String) ?? ['*'],
    dt: scope.deviceTypeIds?.map(String) ?? ['*'],
    g: scope.generation ?? 0,
  };
}

/**
 * Checks the form of a verified token's `payload`.
 * @throws {ActionError} 401 for anything incomplete: no `t` or `e`, an unknown permission id, a plugin's token
 */
export function toPrincipal(payload: unknown, type: number): Principal {
  if (typeof payload !== 'object' || payload === null) throw invalidCredentials();
  const { u, a, n, dt, e, t, g = 0 } = payload as Partial<TokenPayload>;
  if (t !== type || !Number.isSafeInteger(u) || !Number.isSafeInteger(e)) throw invalidCredentials();
  if (!Number.isInteger(g) || Math.abs(g) > MAX_GENERATION) throw invalidCredentials();
  const permissions = a ?? [];
  if (!isList(permissions, isPermissionId)) throw invalidCredentials();
  const networkIds = readLimit(n) ?? [];
  const deviceTypeIds = readLimit(dt);
  return {
    userId: u!,
    permissions: new PermissionSet(permissions),
    networkIds: networkIds === 'all' ? null : networkIds,
    deviceTypeIds: deviceTypeIds === 'all' || deviceTypeIds === undefined ? null : deviceTypeIds,
    limited: networkIds !== 'all' || (deviceTypeIds !== 'all' && deviceTypeIds !== undefined),
    expiresAt: e!,
    generation: g,
  };
}

function readLimit(ids: unknown): NonNullable<IdLimit> | 'all' | undefined {
  if (ids == null) return undefined;
  if (!isList<number | string>(ids, isIdOrAll)) throw invalidCredentials();
  return ids.includes('*') ? 'all' : ids.map(Number);
}

/** An id as DeviceHive or `JSON` writes it. Nothing is read by its text: that of `["*"]` is `*`. */
function isIdOrAll(id: unknown): boolean {
  if (typeof id === 'string') return /^(\*|0|[1-9]\d{0,14})$/.test(id);
  return Number.isSafeInteger(id) && (id as number) >= 0 && !Object.is(id, -0);
}

function isList<Item>(value: unknown, accepts: (item: unknown) => boolean): value is Item[] {
  return Array.isArray(value) && value.every(accepts);
}
