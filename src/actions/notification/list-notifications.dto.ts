import { TextField, TimestampField } from '../../transport/dto/dto-fields.js';
import { ListPageDto } from '../shared/list-page.dto.js';
import { DEVICE_ID } from '../shared/request-errors.js';

export class ListNotificationsDto extends ListPageDto {
  @TextField(DEVICE_ID)
  deviceId!: string;

  @TimestampField({ description: 'the earliest `timestamp`' })
  start?: Date | null;

  @TimestampField({ description: 'the latest `timestamp`' })
  end?: Date | null;

  @TextField({ description: 'a name' })
  notification?: string | null;
}
