/**
 * DeviceHive's permissions (`HiveAction` in devicehive-java-server); a token carries their ids in `a`.
 * Id 0 is `*` (all), id 1 stands for none.
 */
export const PERMISSION_IDS = {
  GetNetwork: 2,
  GetDevice: 3,
  GetDeviceNotification: 4,
  GetDeviceCommand: 5,
  RegisterDevice: 6,
  CreateDeviceCommand: 7,
  UpdateDeviceCommand: 8,
  CreateDeviceNotification: 9,
  GetCurrentUser: 10,
  UpdateCurrentUser: 11,
  ManageUser: 12,
  ManageConfiguration: 13,
  ManageNetwork: 14,
  ManageToken: 15,
  ManagePlugin: 16,
  GetDeviceType: 17,
  ManageDeviceType: 18,
} as const;

export type Permission = keyof typeof PERMISSION_IDS;

/**
 * How a token carries a permission in `a`: DeviceHive's by their ids, those of extensions by their names, which no
 * table of numbers has to be kept for.
 */
export type PermissionId = number | string;

/** Whether a text may name a permission of an extension, or does name one of DeviceHive. */
export function isPermissionName(name: unknown): name is string {
  return typeof name === 'string' && /^[A-Za-z][\w.:-]{0,63}$/.test(name);
}

const IDS: ReadonlyMap<string, number> = new Map(Object.entries(PERMISSION_IDS));

/** Whether a token may carry it: DeviceHive's permissions are never carried by name. */
export function isPermissionId(id: unknown): id is PermissionId {
  if (isPermissionName(id)) return !IDS.has(id);
  if (!Number.isInteger(id) || Object.is(id, -0)) return false;
  return (id as number) >= 0 && (id as number) <= HIGHEST_PERMISSION_ID;
}

export const ANY_PERMISSION_ID = 0;
export const NO_PERMISSION_ID = 1;
export const HIGHEST_PERMISSION_ID = 18;

/** What a user of role client may do; the rest is for administrators. */
export const CLIENT_PERMISSION_IDS: readonly number[] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 17];

/** Ids as a token carries them. An empty list grants nothing. */
export class PermissionSet {
  readonly ids: ReadonlySet<PermissionId>;

  constructor(ids: Iterable<PermissionId>) {
    this.ids = new Set(ids);
  }

  /** @param permission one of DeviceHive or of an extension */
  has(permission: string): boolean {
    return this.ids.has(ANY_PERMISSION_ID) || this.ids.has(IDS.get(permission) ?? permission);
  }
}
