import { JsonText } from '../../../protocol/json-text.js';
import { EVENT_NAME } from '../../../protocol/topics.js';
import {
  JsonObjectField,
  NestedField,
  TextField,
  TimestampField,
} from '../../../transport/dto/dto-fields.js';
import type { NotificationFields } from '../device-notification.js';
import { NOTIFICATION_REQUIRED } from '../notification.errors.js';
import { DEVICE_ID } from '../../shared/request-errors.js';

const NAME_TOO_LONG = 'Notification name must have at most 128 characters and 64 levels';

/** The member `notification` of `notification/insert`. */
export class NotificationFieldsDto implements NotificationFields {
  @TextField({
    ...EVENT_NAME,
    required: NOTIFICATION_REQUIRED,
    unfit: NAME_TOO_LONG,
    description: 'its name',
    example: 'temperature',
  })
  notification!: string;

  @TimestampField()
  timestamp?: Date | null;

  @JsonObjectField({ example: { celsius: 21.5 } })
  parameters?: JsonText | null;
}

/** The order of the fields is the order in which errors are reported. */
export class InsertNotificationDto {
  @NestedField(() => NotificationFieldsDto, { required: NOTIFICATION_REQUIRED })
  notification!: NotificationFieldsDto;

  @TextField(DEVICE_ID)
  deviceId!: string;
}
