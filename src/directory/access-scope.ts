/** Ids that a token is limited to; `null` means no limit. */
export type IdLimit = readonly number[] | null;

/**
 * Whose rights apply to a request: what the token allows, together with what its user may see now.
 * The user's part is read again in the statement that uses it, never taken from the token.
 */
export interface AccessScope {
  userId: number;
  networkIds: IdLimit;
  deviceTypeIds: IdLimit;
  /** a limited scope never learns whether a device exists: 403 instead of 404 */
  limited: boolean;
  /**
   * that of the user when the credential was given out; a higher one by now ends it. `null` for a credential of somebody
   * else's, whose end they decide
   */
  generation: number | null;
}

/** Who asks for which device, in SQL. */
export interface Asking {
  device: string;
  user: string;
  /** bigint[], null for no limit */
  networks: string;
  /** bigint[], null for no limit */
  deviceTypes: string;
  /** int, null for any */
  generation: string;
}

/** The parameters of a statement for one request; see `visibleDeviceParameters`. */
const PARAMETERS: Asking = {
  device: '$1',
  user: '$2',
  networks: '$3::bigint[]',
  deviceTypes: '$4::bigint[]',
  generation: '$5::int',
};

/** SQL for whether the user `u` is active, and the credential as good as when it was given out; the latter in `$5` unless told. */
export const isInForce = (generation = PARAMETERS.generation): string =>
  `u.status = 0 AND (${generation} IS NULL OR u.generation = ${generation})`;

/** SQL for whether the user `u`, with the limit in `$3`, sees a network. */
export const seesNetwork = (id: string, limit = PARAMETERS.networks): string => `
   (${limit} IS NULL OR ${id} = ANY (${limit}))
     AND (u.role = 0 OR EXISTS (
       SELECT FROM user_network m WHERE m.user_id = u.id AND m.network_id = ${id}))`;

/** SQL for whether the user `u`, with the limit in `$4`, sees a device type. */
export const seesDeviceType = (id: string, limit = PARAMETERS.deviceTypes): string => `
   (${limit} IS NULL OR ${id} = ANY (${limit}))
     AND (u.role = 0 OR u.all_device_types_available OR EXISTS (
       SELECT FROM user_device_type m WHERE m.user_id = u.id AND m.device_type_id = ${id}))`;

const seesDevice = ({ networks, deviceTypes }: Omit<Asking, 'device'>): string =>
  `${seesNetwork('d.network_id', networks)} AND ${seesDeviceType('d.device_type_id', deviceTypes)}`;

/** A deleted device's row stays until its commands and notifications are deleted as well. */
const IS_PRESENT = 'gone_at IS NULL';

/** SQL for whether there is a device of this id, visible or not. */
export const deviceExists = (deviceId: string): string =>
  `EXISTS (SELECT FROM device WHERE device_id = ${deviceId} AND ${IS_PRESENT})`;

/** Joins the device `d` of a row that somebody was let in to see. */
export const joinDevice = (id: string): string => `JOIN device d ON d.id = ${id} AND d.${IS_PRESENT}`;

/** A device as far as who asks for it sees it: columns id, device_id, network_id, device_type_id, or no row. */
export const visibleDevice = (asking: Asking): string => `
  SELECT d.id, d.device_id, d.network_id, d.device_type_id
    FROM device d JOIN dh_user u ON u.id = ${asking.user} AND ${isInForce(asking.generation)}
   WHERE d.device_id = ${asking.device} AND d.${IS_PRESENT} AND ${seesDevice(asking)}`;

/** The device `$1` as far as the scope in `$2..$5` sees it, for use as a common table expression. */
export const VISIBLE_DEVICE = visibleDevice(PARAMETERS);

/** The same as a statement. */
export const FIND_VISIBLE = { name: 'device_visible', text: VISIBLE_DEVICE };

/** All devices that who asks sees, with all columns. */
export const visibleDevices = (asking: Omit<Asking, 'device'>): string => `
  SELECT d.* FROM device d JOIN dh_user u ON u.id = ${asking.user} AND ${isInForce(asking.generation)}
   WHERE d.${IS_PRESENT} AND ${seesDevice(asking)}`;

/** Those that the scope in `$2..$5` sees; `$1` is free. */
export const VISIBLE_DEVICES = visibleDevices(PARAMETERS);

/** What an active user may see now, whatever token is shown. */
export interface UserRights {
  networkIds: IdLimit;
  deviceTypeIds: IdLimit;
  generation: number;
}

/** The values for `$1..$5` of `VISIBLE_DEVICE`. */
export function visibleDeviceParameters(scope: AccessScope, deviceId: string): unknown[] {
  return [deviceId, scope.userId, scope.networkIds, scope.deviceTypeIds, scope.generation];
}

/** The same rule for an event, decided from rights read within the last second. */
export function maySee(
  scope: Pick<AccessScope, 'networkIds' | 'deviceTypeIds' | 'generation'>,
  rights: UserRights | undefined,
  networkId: number,
  deviceTypeId: number,
): boolean {
  if (!rights) return false;
  if (scope.generation !== null && scope.generation !== rights.generation) return false;
  const allowed = (limit: IdLimit, id: number) => limit === null || limit.includes(id);
  return (
    allowed(scope.networkIds, networkId) &&
    allowed(scope.deviceTypeIds, deviceTypeId) &&
    allowed(rights.networkIds, networkId) &&
    allowed(rights.deviceTypeIds, deviceTypeId)
  );
}
