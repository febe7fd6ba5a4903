import { IntegerField, TextField } from '../../../transport/dto/dto-fields.js';
import { NOTIFICATION_ID_EMPTY } from '../notification.errors.js';
import { DEVICE_ID } from '../../shared/request-errors.js';

export class GetNotificationDto {
  @TextField(DEVICE_ID)
  deviceId!: string;

  @IntegerField({ required: NOTIFICATION_ID_EMPTY, example: 7 })
  notificationId!: number;
}
