import { Injectable } from '@nestjs/common';
import { Queries } from '../../database/queries.js';
import { answered } from '../../database/database-error.js';
import {
  type AccessScope,
  isInForce,
  seesDeviceType,
  seesNetwork,
  VISIBLE_DEVICE,
  visibleDeviceParameters,
} from '../../directory/access-scope.js';

/** What a caller sees of the places that it asks for. */
export interface VisiblePlaces {
  device: boolean;
  /** those among the ones asked for */
  networkIds: number[];
  deviceTypeIds: number[];
  /** any network and any device type at all */
  something: boolean;
}

/** $1 is the device, $2..$5 the scope, $6 are networks, $7 device types. No row for a user who is not active. */
const VISIBLE_PLACES = {
  name: 'visible_places',
  text: `
  SELECT EXISTS (${VISIBLE_DEVICE}) AS device,
         ARRAY(SELECT n.id FROM network n WHERE n.id = ANY ($6::bigint[]) AND ${seesNetwork('n.id')}) AS networks,
         ARRAY(SELECT t.id FROM device_type t WHERE t.id = ANY ($7::bigint[]) AND ${seesDeviceType('t.id')}) AS types,
         EXISTS (SELECT FROM network n WHERE ${seesNetwork('n.id')})
           AND EXISTS (SELECT FROM device_type t WHERE ${seesDeviceType('t.id')}) AS something
    FROM dh_user u WHERE u.id = $2 AND ${isInForce()}`,
};

interface PlacesRow {
  device: boolean;
  networks: string[];
  types: string[];
  something: boolean;
}

/** Which networks, device types and devices somebody may watch. */
@Injectable()
export class VisiblePlacesRepository {
  constructor(private readonly queries: Queries) {}

  /** @returns `undefined` for a user who is unknown or not active */
  async of(
    scope: AccessScope,
    deviceId: string | null,
    networkIds: readonly number[],
    deviceTypeIds: readonly number[],
  ): Promise<VisiblePlaces | undefined> {
    const parameters = [...visibleDeviceParameters(scope, deviceId ?? ''), networkIds, deviceTypeIds];
    const [row] = await answered(this.queries.run<PlacesRow>('lookup', scope, VISIBLE_PLACES, parameters));
    if (!row) return undefined;
    const { device, networks, types, something } = row;
    return { device, networkIds: networks.map(Number), deviceTypeIds: types.map(Number), something };
  }
}
