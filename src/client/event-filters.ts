import { isJsonObject } from '../protocol/json-object.js';
import { EVENT_NAME, type EventKind, eventFilter } from '../protocol/topics.js';
import { failure } from './client-error.js';
import type { EventSelection } from './device-events.js';

/** MQTT has 16 bits for the length of a text. */
const MAX_BYTES = 65_535;
/** As `command/subscribe`; the built-in broker grants as many to one connection. */
const MAX_FILTERS = 1_000;

/**
 * The MQTT filters of a selection. What a broker does not take is refused here: it would cut off the connection, and all
 * calls and streams with it.
 * @throws {RpcException} 400
 */
export function filtersOf(kind: EventKind, selection: EventSelection): string[] {
  if (!isJsonObject(selection)) throw failure(400, 'A selection of events is an object');
  const { deviceId = null } = selection;
  if (deviceId !== null && typeof deviceId !== 'string') throw failure(400, 'deviceId is a text');
  const names = listOf('names', 'texts of at most 128 characters and 64 levels', isName, selection.names);
  const networkIds = listOf('networkIds', 'integers', Number.isSafeInteger, selection.networkIds);
  const deviceTypeIds = listOf('deviceTypeIds', 'integers', Number.isSafeInteger, selection.deviceTypeIds);
  if (networkIds.length * deviceTypeIds.length * names.length > MAX_FILTERS) {
    throw failure(400, `More than ${MAX_FILTERS} combinations of network, device type and name`);
  }
  const filters = networkIds.flatMap((networkId) =>
    deviceTypeIds.flatMap((deviceTypeId) =>
      names.map((name) => eventFilter(kind, { networkId, deviceTypeId, deviceId }, name)),
    ),
  );
  if (filters.some((filter) => Buffer.byteLength(filter) > MAX_BYTES)) {
    throw failure(400, `deviceId is too long: a filter has at most ${MAX_BYTES} bytes`);
  }
  return filters;
}

const isName = (value: unknown): boolean =>
  typeof value === 'string' && value.length <= EVENT_NAME.maxLength && EVENT_NAME.pattern.test(value);

/** @returns each value once; `null`, which stands for any, where there are none */
function listOf<Value>(
  what: string,
  wanted: string,
  isFit: (value: unknown) => boolean,
  values: Value[] | null | undefined,
): (Value | null)[] {
  if (values == null) return [null];
  if (!Array.isArray(values) || !values.every(isFit)) throw failure(400, `${what} is a list of ${wanted}`);
  return values.length === 0 ? [null] : [...new Set(values)];
}
