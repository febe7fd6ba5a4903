import { BooleanField } from '../../../transport/dto/dto-fields.js';
import * as subscribe from '../../subscription.exports.js';

export class SubscribeCommandsDto implements subscribe.SubscribeDto {
  @subscribe.OfDeviceField()
  deviceId?: string | null;

  @subscribe.InNetworksField()
  networkIds?: number[] | null;

  @subscribe.OfTypesField()
  deviceTypeIds?: number[] | null;

  @subscribe.OfNamesField()
  names?: string[] | null;

  @subscribe.SinceField()
  timestamp?: Date | null;

  @subscribe.AfterIdField()
  afterId?: number | null;

  @subscribe.LimitField()
  limit?: number | null;

  @BooleanField({ description: 'updates only, instead of commands' })
  returnUpdatedCommands?: boolean | null;
}
