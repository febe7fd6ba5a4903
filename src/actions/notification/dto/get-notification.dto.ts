import { IntegerField, TextField } from '../../../transport/dto/dto-fields.js';
import { NOTIFICATION_ID_EMPTY } from '../notification.errors.js';
import { DEVICE_ID_EMPTY } from '../../shared/request-errors.js';

export class GetNotificationDto {
  @TextField({ required: DEVICE_ID_EMPTY })
  deviceId!: string;

  @IntegerField({ required: NOTIFICATION_ID_EMPTY })
  notificationId!: number;
}
