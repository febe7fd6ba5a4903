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

export const ANY_PERMISSION_ID = 0;
export const NO_PERMISSION_ID = 1;
export const HIGHEST_PERMISSION_ID = 18;

/** What a user of role client may do; the rest is for administrators. */
export const CLIENT_PERMISSION_IDS: readonly number[] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 17];

/** Ids as a token carries them. An empty list grants nothing. */
export class PermissionSet {
  readonly ids: ReadonlySet<number>;

  constructor(ids: Iterable<number>) {
    this.ids = new Set(ids);
  }

  has(permission: Permission): boolean {
    return this.ids.has(ANY_PERMISSION_ID) || this.ids.has(PERMISSION_IDS[permission]);
  }
}
