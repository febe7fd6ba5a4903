import { IntegerField, TextField } from '../../../transport/dto/dto-fields.js';
import { DEVICE_ID_EMPTY, NOTIFICATION_ID_EMPTY } from '../notification.errors.js';

export class GetNotificationDto {
  @TextField({ required: DEVICE_ID_EMPTY })
  deviceId!: string;

  @IntegerField({ required: NOTIFICATION_ID_EMPTY })
  notificationId!: number;
}
