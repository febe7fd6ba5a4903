import { JsonText } from '../../../protocol/json-text.js';
import { isEventName } from '../../../protocol/topics.js';
import {
  JsonObjectField,
  NestedField,
  TextField,
  TimestampField,
} from '../../../transport/dto/dto-fields.js';
import type { NotificationFields } from '../device-notification.js';
import { NOTIFICATION_REQUIRED } from '../notification.errors.js';
import { DEVICE_ID_EMPTY } from '../../shared/request-errors.js';

const NAME_TOO_LONG = 'Notification name must have at most 128 characters and 64 levels';

/** The member `notification` of `notification/insert`. */
export class NotificationFieldsDto implements NotificationFields {
  @TextField({ required: NOTIFICATION_REQUIRED, accepts: isEventName, unfit: NAME_TOO_LONG })
  notification!: string;

  @TimestampField()
  timestamp?: Date | null;

  @JsonObjectField()
  parameters?: JsonText | null;
}

/** The order of the fields is the order in which errors are reported. */
export class InsertNotificationDto {
  @NestedField(() => NotificationFieldsDto, { required: NOTIFICATION_REQUIRED })
  notification!: NotificationFieldsDto;

  @TextField({ required: DEVICE_ID_EMPTY })
  deviceId!: string;
}
