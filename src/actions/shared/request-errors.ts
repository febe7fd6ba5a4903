// DeviceHive's texts, which clients compare literally (`Messages` in devicehive-java-server).
export const DEVICE_ID_EMPTY = 'Device id is wrong or empty';
export const OBJECT_IS_NULL = 'Error! Validation failed: Object is null';
