import { JsonText } from '../../protocol/json-text.js';

/** A device as clients see it: six fields. */
export interface DeviceView {
  /** the text that clients name it by, not the row's id */
  id: string;
  name: string;
  data: JsonText | null;
  networkId: number;
  deviceTypeId: number;
  /** stored and returned; nothing is refused to a blocked device, as in the original */
  isBlocked: boolean;
}

/** What a client may set in `device/save`; absent or `null` keeps the value, or takes the default. */
export interface DeviceFields {
  name?: string | null;
  data?: JsonText | null;
  networkId?: number | null;
  deviceTypeId?: number | null;
  isBlocked?: boolean | null;
}

/** bigint comes as text from PostgreSQL, json as text because it is selected so. */
export interface DeviceRow {
  device_id: string;
  name: string;
  data: string | null;
  network_id: string;
  device_type_id: string;
  blocked: boolean;
}

/** Columns of `DeviceRow`: `x` is the device. */
export const DEVICE_COLUMNS = `x.device_id, x.name, x.data::text AS data, x.network_id, x.device_type_id, x.blocked`;

/** A `DeviceView` made by PostgreSQL: `x` is the device. */
export const DEVICE_JSON = `jsonb_build_object('id', x.device_id, 'name', x.name, 'data', x.data,
  'networkId', x.network_id, 'deviceTypeId', x.device_type_id, 'isBlocked', x.blocked)`;

export function toDeviceView(row: DeviceRow): DeviceView {
  return {
    id: row.device_id,
    name: row.name,
    data: row.data === null ? null : new JsonText(row.data),
    networkId: Number(row.network_id),
    deviceTypeId: Number(row.device_type_id),
    isBlocked: row.blocked,
  };
}
