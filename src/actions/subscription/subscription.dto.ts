import {
  IntegerField,
  IntegerListField,
  TextField,
  TextListField,
  TimestampField,
} from '../../transport/dto/dto-fields.js';

/** What `command/subscribe` and `notification/subscribe` have in common; an empty list is as if absent. */
export class SubscribeDto {
  @TextField()
  deviceId?: string | null;

  @IntegerListField()
  networkIds?: number[] | null;

  @IntegerListField()
  deviceTypeIds?: number[] | null;

  @TextListField()
  names?: string[] | null;

  /** what is stored and newer comes first */
  @TimestampField()
  timestamp?: Date | null;

  /** of what is stored */
  @IntegerField()
  limit?: number | null;
}

export class UnsubscribeDto {
  @IntegerField()
  subscriptionId?: number | null;
}

export class ListSubscriptionsDto {
  /** `command` or `notification`; with any other text the list is empty */
  @TextField()
  type?: string | null;
}
