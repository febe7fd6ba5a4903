import { type AccessScope, VISIBLE_DEVICES, visibleDeviceParameters } from '../../directory/access-scope.js';
import { replayLimitOf } from './list-page.js';

/** What a subscription asks for; an empty or absent list stands for all. */
interface Wanted {
  deviceId?: string | null;
  networkIds?: readonly number[] | null;
  deviceTypeIds?: readonly number[] | null;
  names?: readonly string[] | null;
  limit?: number | null;
}

/** The devices that are wanted and in sight, of the parameters below. */
export const WANTED_DEVICES = `
  SELECT * FROM (${VISIBLE_DEVICES}) v
   WHERE ($1::varchar IS NULL OR v.device_id = $1)
     AND ($5::bigint[] IS NULL OR v.network_id = ANY ($5))
     AND ($6::bigint[] IS NULL OR v.device_type_id = ANY ($6))`;

/**
 * $1 is the device, $2..$4 the scope, $5 are networks, $6 device types, $7 names (null: all), $8 the timestamp from
 * which on counts what is stored, $9 how much of it is replayed at most.
 */
export function replayParameters(scope: AccessScope, wanted: Wanted, timestamp: Date): unknown[] {
  const { deviceId = null, networkIds, deviceTypeIds, names, limit } = wanted;
  const [, ...scopeParameters] = visibleDeviceParameters(scope, '');
  const lists = [networkIds, deviceTypeIds, names].map((list) => (list?.length ? list : null));
  return [deviceId, ...scopeParameters, ...lists, timestamp.toISOString(), replayLimitOf(limit)];
}
