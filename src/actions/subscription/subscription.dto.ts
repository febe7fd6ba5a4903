import { EVENT_NAME } from '../../protocol/topics.js';
import {
  IntegerField,
  IntegerListField,
  TextField,
  TextListField,
  TimestampField,
} from '../../transport/dto/dto-fields.js';
import { DEFAULT_REPLAY } from '../shared/list-page.js';
import { DEVICE_ID } from '../shared/request-errors.js';

// The members that `command/subscribe` and `notification/subscribe` have in common; an empty list is as if absent. Each
// dto declares them itself: class-validator reports inherited members last.

export const OfDeviceField = (): PropertyDecorator =>
  TextField({ description: 'of this device only', example: DEVICE_ID.example });

export const InNetworksField = (): PropertyDecorator =>
  IntegerListField({ description: 'of devices in these networks only' });

export const OfTypesField = (): PropertyDecorator =>
  IntegerListField({ description: 'of devices of these types only' });

export const OfNamesField = (): PropertyDecorator =>
  TextListField({
    ...EVENT_NAME,
    unfit: 'Names must have at most 128 characters and 64 levels',
    description: 'of these names only',
  });

export const SinceField = (): PropertyDecorator =>
  TimestampField({ description: 'what is stored and newer or equal comes first' });

export const AfterIdField = (): PropertyDecorator =>
  IntegerField({
    description:
      'of what is as old as `timestamp` only what has a higher id; both from a reply with `hasMore`',
  });

export const LimitField = (): PropertyDecorator =>
  IntegerField({ description: `of what is stored; ${DEFAULT_REPLAY} unless told` });

export class SubscribeDto {
  @OfDeviceField()
  deviceId?: string | null;

  @InNetworksField()
  networkIds?: number[] | null;

  @OfTypesField()
  deviceTypeIds?: number[] | null;

  @OfNamesField()
  names?: string[] | null;

  @SinceField()
  timestamp?: Date | null;

  @AfterIdField()
  afterId?: number | null;

  @LimitField()
  limit?: number | null;
}

export class UnsubscribeDto {
  @IntegerField({ description: 'all of the kind unless told' })
  subscriptionId?: number | null;
}

export class ListSubscriptionsDto {
  @TextField({ description: '`command` or `notification`; with any other text the list is empty' })
  type?: string | null;
}
