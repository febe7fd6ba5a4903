import { EVENT_NAME } from '../../protocol/topics.js';
import { DEFAULT_REPLAY } from '../shared/list-page.js';
import { DEVICE_ID } from '../shared/request-errors.js';
import {
  IntegerField,
  IntegerListField,
  TextField,
  TextListField,
  TimestampField,
} from '../../transport/dto/dto-fields.js';

/** What `command/subscribe` and `notification/subscribe` have in common; an empty list is as if absent. */
export class SubscribeDto {
  @TextField({ description: 'of this device only', example: DEVICE_ID.example })
  deviceId?: string | null;

  @IntegerListField({ description: 'of devices in these networks only' })
  networkIds?: number[] | null;

  @IntegerListField({ description: 'of devices of these types only' })
  deviceTypeIds?: number[] | null;

  @TextListField({
    ...EVENT_NAME,
    unfit: 'Names must have at most 128 characters and 64 levels',
    description: 'of these names only',
  })
  names?: string[] | null;

  @TimestampField({ description: 'what is stored and newer or equal comes first' })
  timestamp?: Date | null;

  @IntegerField({
    description:
      'of what is as old as `timestamp` only what has a higher id; both from a reply with `hasMore`',
  })
  afterId?: number | null;

  @IntegerField({ description: `of what is stored; ${DEFAULT_REPLAY} unless told` })
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
